"""Learn how deepfakes are made, measured, labelled and detected, on people who do not exist."""

__version__ = "0.1.0"
