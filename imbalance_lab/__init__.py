"""Which class-imbalance strategy should I use, how much does it buy, and how sure can I be?"""

__version__ = "0.1.0"
