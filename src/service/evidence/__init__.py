"""Evidence bundles for auditors: what is in one (`reach`, `gathering`, `texts`, `items`), and making it."""
