"""The outside world on localhost: exchanges, a custodian and a chain that speak their real wire protocols."""
