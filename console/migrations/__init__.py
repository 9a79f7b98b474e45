"""The history of the schema. Files are named YYYYMMDD_HHMM_<revision>_<what>.py."""
