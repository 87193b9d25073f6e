"""Gradient-boosted trees of LightGBM, XGBoost and CatBoost, which are loaded when a model of theirs is asked for."""
