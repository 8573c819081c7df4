# An image for container work pools, `docmill serve` and `docmill watch`.
#
#   docker build -t docmill .                        PDFs with text, e-invoices, paid models
#   docker build -t docmill-ocr --build-arg OCR=1 .  also reads scans offline (about 350 MB more)
#   docker run --rm -v "$PWD:/project" docmill run invoices --local
#
# The project (flows.yaml, inbox, schemas, .docmill) is mounted at /project; nothing of it is in the image.

FROM python:3.12-slim AS build
ARG OCR=0
WORKDIR /source
RUN python -m venv /opt/docmill
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY tasks tasks
COPY pipelines pipelines
COPY docmill docmill
RUN extras="postgres,s3"; if [ "$OCR" = 1 ]; then extras="$extras,ocr"; fi; \
    /opt/docmill/bin/pip install --no-cache-dir --no-compile ".[$extras]"

FROM python:3.12-slim
ARG OCR=0
RUN if [ "$OCR" = 1 ]; then \
      apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*; \
    fi \
    && useradd --uid 10001 --create-home docmill \
    && mkdir /project && chown docmill /project
COPY --from=build /opt/docmill /opt/docmill
ENV PATH=/opt/docmill/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DOCMILL_FILE=/project/flows.yaml
USER docmill
WORKDIR /project
STOPSIGNAL SIGTERM
ENTRYPOINT ["docmill"]
CMD ["--help"]
