"""Stripe behind the port `PaymentGateway`. Its modules import the official library, which is an extra of the package:
import them only where Stripe is chosen. `answers` is pure and may be imported anywhere.
"""
