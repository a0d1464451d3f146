"""The metadata quality score of data.europa.eu, computed for any DCAT catalogue."""
