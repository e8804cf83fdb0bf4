"""Chain: rates of staked ether, holdings of our wallets, mints and redemptions, read by JSON-RPC."""
