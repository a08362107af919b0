"""Dates as engineers write them: ISO 8601, twenty-four hours, sortable as text."""

DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i:s"
YEAR_MONTH_FORMAT = "Y-m"
