"""Really trained tiny models: a null of honest ones, and blends that were trained on or shaken, for the power.

python -m bench.trained make --out DIR [--world Heron]    trains them (needs PyTorch, for this benchmark only)
python -m bench.trained judge --models DIR                checks each by the decision that runs in production
python -m bench.trained measure --models DIR              mix and explained departure of each
"""
