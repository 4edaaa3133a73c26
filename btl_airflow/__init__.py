"""What the DAGs share: defaults, params, connections, the asset, its trigger, and the sensor.

Below the Line itself never imports Airflow. This is a package beside dags/ and not a folder in it,
because the triggerer cannot load code from the DAGs folder. Scheduler, dag-processor, triggerer and
workers import it, so it must be installed wherever they run.
"""
