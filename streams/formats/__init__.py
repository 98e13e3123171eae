"""Alerts in the words of others: OCSF and ECS. Pure; rendered on request, the topics keep our own."""
