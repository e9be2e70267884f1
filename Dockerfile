# The daemon alone; FreeSWITCH comes from an image of your choice (docker-compose.yml).
#   docker build -t callcontrol .
#   docker run --rm callcontrol try "+49 30 8631" --from "+49 171 2345678"
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY callcontrol callcontrol
# The lock names development tools too; as a constraint it only fixes the versions of what callcontrol itself needs.
# psycopg is for a `database: postgresql://...`.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --constraint requirements.lock . "psycopg[binary]>=3.1,<4"

FROM python:3.11-slim
# FreeSWITCH joins group 10001 to read the directory of extensions, which nobody else may (they are digest hashes), and to
# write what became of each call.
# A new named volume takes owner and mode of the folder it is mounted on, hence the folders here.
RUN groupadd --gid 10001 callcontrol \
 && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin callcontrol \
 && install -d -o callcontrol -g callcontrol -m 0700 /var/lib/callcontrol \
 && install -d -o callcontrol -g callcontrol -m 2750 /srv/callcontrol/directory \
 && install -d -o callcontrol -g callcontrol -m 2770 /srv/callcontrol/cdr /srv/callcontrol/voicemail
COPY --from=build /opt/venv /opt/venv
COPY prompts /opt/callcontrol/prompts
COPY tenants /opt/callcontrol/tenants
COPY docs/callcontrol.container.yaml /etc/callcontrol/callcontrol.yaml
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 CALLCONTROL_HOME=/opt/callcontrol
USER callcontrol
WORKDIR /var/lib/callcontrol
VOLUME /var/lib/callcontrol
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
  CMD ["callcontrol", "health", "--http", "127.0.0.1:8085"]
ENTRYPOINT ["callcontrol"]
CMD ["serve", "--config", "/etc/callcontrol/callcontrol.yaml"]
