{{/* Refuses values that would render and then fail, or lose work, in the cluster. */}}
{{- define "oms.checks" -}}
{{- include "oms.checkBudgets" . -}}
{{- include "oms.checkReadiness" . -}}
{{- include "oms.checkStorage" . -}}
{{- include "oms.checkVariables" . -}}
{{- include "oms.checkLabels" . -}}
{{- end -}}

{{- define "oms.checkBudgets" -}}
{{- $slack := 2000 -}}
{{- $sum := $slack -}}
{{- $terms := list -}}
{{- range include "oms.budgets" . | fromYamlArray -}}
{{- $value := get $.Values.shutdown .value -}}
{{- $ms := include "oms.milliseconds" (dict "name" (printf "shutdown.%s" .value) "value" $value) | int64 -}}
{{- $sum = add $sum $ms -}}
{{- $terms = append $terms (printf "%s %s" .value (include "oms.duration" $ms)) -}}
{{- end -}}
{{- $grace := int64 .Values.terminationGracePeriodSeconds -}}
{{- if gt $sum (mul $grace 1000) -}}
{{- fail (printf "the stop may take %s (%s + slack %s), but terminationGracePeriodSeconds is %d: shorten a budget under shutdown, or raise the grace" (include "oms.duration" $sum) (join " + " $terms) (include "oms.duration" $slack) $grace) -}}
{{- end -}}
{{- end -}}

{{/*
A terminating pod serves through its lame duck, so its endpoint must not be withdrawn before that: probes fail from
the signal on, and the last one that counts comes (failureThreshold - 1) periods after the first.
*/}}
{{- define "oms.checkReadiness" -}}
{{- $lameDuck := include "oms.milliseconds" (dict "name" "shutdown.lameDuck" "value" .Values.shutdown.lameDuck) | int64 -}}
{{- $period := int64 .Values.probes.readiness.periodSeconds -}}
{{- $threshold := int64 .Values.probes.readiness.failureThreshold -}}
{{- $tolerated := mul $period (sub $threshold 1) 1000 -}}
{{- if lt $tolerated $lameDuck -}}
{{- fail (printf "the endpoint of a terminating pod may be withdrawn %s after the signal (probes.readiness: periodSeconds %d x (failureThreshold %d - 1)), before the lame duck of %s ends: raise one of them, or shorten shutdown.lameDuck" (include "oms.duration" $tolerated) $period $threshold (include "oms.duration" $lameDuck)) -}}
{{- end -}}
{{- end -}}

{{- define "oms.checkStorage" -}}
{{- $sqlite := eq .Values.storage.driver "sqlite" -}}
{{- if and $sqlite (gt (int .Values.replicaCount) 1) -}}
{{- fail (printf "replicaCount is %d, but storage.driver=sqlite allows one process on its volume: set replicaCount to 1, or use storage.driver=postgres" (int .Values.replicaCount)) -}}
{{- end -}}
{{- if not $sqlite -}}
{{- if not .Values.kafka.brokers -}}
{{- fail "kafka.brokers is empty: with storage.driver=postgres no pod has a volume for events.ndjson, so name the brokers" -}}
{{- end -}}
{{- if and (not .Values.providers.allowSimulated) (or (not .Values.providers.paymentUrl) (not .Values.providers.inventoryUrl)) -}}
{{- fail "with storage.driver=postgres providers are not simulated: set providers.paymentUrl and providers.inventoryUrl, or providers.allowSimulated=true for a test" -}}
{{- end -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas %d is above autoscaling.maxReplicas %d" (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if eq (int .Values.grpc.port) (int .Values.http.port) -}}
{{- fail (printf "grpc.port and http.port are both %d: choose another one" (int .Values.http.port)) -}}
{{- end -}}
{{- end -}}

{{/* A variable that has a value of its own is set there only: the network policy and the notes follow the value. */}}
{{- define "oms.checkVariables" -}}
{{- $own := concat (include "oms.ownConfig" . | fromYaml | keys) (list "KAFKA_BROKERS" "OMS_PAYMENT_URL" "OMS_INVENTORY_URL" "OMS_ALLOW_MOCK_INTEGRATIONS" "OMS_POSTGRES_AUTO_MIGRATE") -}}
{{- $secret := list "OMS_POSTGRES_DSN" "OMS_PAYMENT_TOKEN" "OMS_PAYMENT_HEADERS" "OMS_PAYMENT_TLS_KEY" "OMS_INVENTORY_TOKEN" "OMS_INVENTORY_HEADERS" "OMS_INVENTORY_TLS_KEY" "KAFKA_SASL_USERNAME" "KAFKA_SASL_PASSWORD" "KAFKA_TLS_KEY" -}}
{{- range $name, $_ := .Values.config -}}
{{- if has $name $own -}}
{{- fail (printf "config.%s: the chart sets this variable from a value of its own: change that value" $name) -}}
{{- end -}}
{{- if has $name $secret -}}
{{- fail (printf "config.%s: a ConfigMap is no place for a secret: put it into existingSecret" $name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if has .name $own -}}
{{- fail (printf "extraEnv: the chart sets %s from a value of its own: change that value" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "oms.checkLabels" -}}
{{- $own := include "oms.labels" . | fromYaml -}}
{{- range $name, $_ := .Values.podLabels -}}
{{- if hasKey $own $name -}}
{{- fail (printf "podLabels: %s is a label of the chart's own, which selectors may use: choose another name" $name) -}}
{{- end -}}
{{- end -}}
{{- if hasKey .Values.podAnnotations "checksum/config" -}}
{{- fail "podAnnotations: checksum/config is an annotation of the chart's own, which restarts the pods: choose another name" -}}
{{- end -}}
{{- end -}}
