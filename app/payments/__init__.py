"""Payment gateways behind the port `PaymentGateway`."""
