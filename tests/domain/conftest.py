from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # a slow machine is no defect
settings.load_profile("unhurried")
