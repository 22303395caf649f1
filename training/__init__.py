"""How the networks get their weights: data, recipe, evaluation."""
