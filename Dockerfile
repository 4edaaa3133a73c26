# syntax=docker/dockerfile:1
# Two images: `btl` (consumers, migrations, topics, the command line; no extras) and `airflow` (the
# same with the extra `airflow`). Versions come from requirements.lock.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/btl/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
RUN python -m venv /opt/btl && /opt/btl/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check 'uv==0.13.9'

FROM base AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY below_the_line below_the_line
COPY btl btl
COPY btl_airflow btl_airflow
COPY consumers consumers
COPY dags dags
COPY schemas schemas
COPY sql sql
RUN uv build --quiet --wheel --out-dir /dist

FROM base AS btl
COPY requirements.lock /dist/
RUN --mount=type=bind,from=wheel,source=/dist,target=/wheel \
    uv pip install --quiet --python /opt/btl/bin/python --compile-bytecode --constraint /dist/requirements.lock /wheel/*.whl
RUN useradd --system --uid 10001 --create-home --home-dir /home/btl btl
USER btl
WORKDIR /home/btl
ENTRYPOINT ["btl"]
CMD ["consume"]

FROM btl AS airflow
USER root
RUN --mount=type=bind,from=wheel,source=/dist,target=/wheel \
    uv pip install --quiet --python /opt/btl/bin/python --compile-bytecode --constraint /dist/requirements.lock \
        "below-the-line[airflow] @ file://$(ls /wheel/*.whl)" \
    && ln -s "$(python -c 'from below_the_line import resources; print(resources.DAGS)')" /opt/dags \
    && install --directory --owner=btl --group=btl /var/lib/airflow /var/lib/airflow/logs
COPY deploy/airflow_health.py /opt/airflow_health.py
ENV AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/dags
USER btl
WORKDIR /var/lib/airflow
ENTRYPOINT ["python", "-m", "airflow"]
CMD ["version"]
