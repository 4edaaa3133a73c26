"""What the DAGs need of Airflow: connection, asset, trigger and sensor. Below the Line itself never
imports Airflow.

A package beside dags/ and not a folder in it: the triggerer can't load code from the DAGs folder.
It is imported by scheduler, dag-processor, triggerer and workers, and must be installed where they
run.
"""
