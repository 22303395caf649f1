"""Networks side by side over HTTP: measuring them, the report, and two reports compared."""
