"""`python -m bench engine --device cuda`: the engines on a GPU, without HTTP."""
