"""How a network's layers come to what they are: mixed rows, flat minima, bounded weights, two stages. Networks only."""
