{{/* The budgets of the stop's phases, in their order: value under `shutdown` -> variable. */}}
{{- define "oms.budgets" -}}
- { value: lameDuck, variable: OMS_LAME_DUCK }
- { value: grpc, variable: OMS_GRPC_GRACEFUL_TIMEOUT }
- { value: sagas, variable: OMS_SAGA_DRAIN_TIMEOUT }
- { value: outbox, variable: OMS_OUTBOX_FLUSH_TIMEOUT }
- { value: http, variable: OMS_HTTP_SHUTDOWN_TIMEOUT }
- { value: kafka, variable: OMS_KAFKA_CLOSE_TIMEOUT }
- { value: store, variable: OMS_STORE_CLOSE_TIMEOUT }
{{- end -}}

{{/* Outside of /dev: Deno lets nobody write there but with --allow-all. */}}
{{- define "oms.terminationLog" -}}
/run/oms/termination-log
{{- end -}}

{{/* Variables that the chart's own values decide. */}}
{{- define "oms.ownConfig" -}}
OMS_GRPC_ADDR: {{ printf ":%d" (int .Values.grpc.port) | quote }}
OMS_GRPC_REFLECTION: {{ .Values.grpc.reflection | quote }}
OMS_METRICS_ADDR: {{ printf ":%d" (int .Values.http.port) | quote }}
OMS_STORAGE_DRIVER: {{ .Values.storage.driver | quote }}
{{- if eq .Values.storage.driver "sqlite" }}
OMS_DATA_DIR: /data
{{- else }}
OMS_DATA_DIR: /tmp/oms
OMS_POSTGRES_AUTO_MIGRATE: {{ .Values.storage.postgres.autoMigrate | quote }}
{{- end }}
{{- with .Values.kafka.brokers }}
KAFKA_BROKERS: {{ join "," . | quote }}
{{- end }}
{{- with .Values.providers.paymentUrl }}
OMS_PAYMENT_URL: {{ . | quote }}
{{- end }}
{{- with .Values.providers.inventoryUrl }}
OMS_INVENTORY_URL: {{ . | quote }}
{{- end }}
{{- if not (kindIs "invalid" .Values.providers.allowSimulated) }}
OMS_ALLOW_MOCK_INTEGRATIONS: {{ .Values.providers.allowSimulated | quote }}
{{- end }}
{{- range include "oms.budgets" . | fromYamlArray }}
{{ .variable }}: {{ get $.Values.shutdown .value | quote }}
{{- end }}
OMS_TERMINATION_GRACE: {{ printf "%ds" (int .Values.terminationGracePeriodSeconds) | quote }}
OMS_TERMINATION_LOG: {{ include "oms.terminationLog" . }}
OMS_WATCHDOG: {{ .Values.shutdown.watchdog | quote }}
LOG_LEVEL: {{ .Values.log.level | quote }}
LOG_FORMAT: json
{{- end -}}

{{- define "oms.config" -}}
{{- merge (dict) (include "oms.ownConfig" . | fromYaml) .Values.config | toYaml -}}
{{- end -}}

{{/* 75 % of the memory limit, in MiB; empty without a limit. */}}
{{- define "oms.heapMiB" -}}
{{- with dig "limits" "memory" "" .Values.resources -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text -}}
{{- $suffix := trimPrefix $number $text -}}
{{- $bytes := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- if or (eq $number "") (not (hasKey $bytes $suffix)) -}}
{{- fail (printf "resources.limits.memory: %q is not understood: write it like 512Mi or 1Gi" $text) -}}
{{- end -}}
{{- divf (mulf (float64 $number) (get $bytes $suffix) 0.75) 1048576.0 | floor | int64 -}}
{{- end -}}
{{- end -}}
