"""How the models in npsle_app/data were trained."""
