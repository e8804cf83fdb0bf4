"""OKX: how a trading account tells its facts."""
