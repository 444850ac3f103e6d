{{/*
A duration in Go's notation as whole milliseconds, read as the service reads it (src/config/duration.ts).
Takes a dict of `name` (for the message) and `value`.
*/}}
{{- define "oms.milliseconds" -}}
{{- $part := "([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)" -}}
{{- $text := toString .value -}}
{{- if not (regexMatch (printf "^(0|(%s)+)$" $part) $text) -}}
{{- fail (printf "%s: %q is not a duration: write it like 250ms, 5s or 1m30s" .name $text) -}}
{{- end -}}
{{- $unit := dict "ns" 0.000001 "us" 0.001 "µs" 0.001 "μs" 0.001 "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll $part $text -1 -}}
{{- $number := regexFind "^[0-9.]+" . -}}
{{- $sum = addf $sum (mulf (float64 $number) (get $unit (trimPrefix $number .))) -}}
{{- end -}}
{{- round $sum 0 | int64 -}}
{{- end -}}

{{/* Whole milliseconds for people: 250ms, 1.25s, 1m30s. */}}
{{- define "oms.duration" -}}
{{- $ms := int64 . -}}
{{- $seconds := div $ms 1000 -}}
{{- if and (ne (mod $ms 1000) 0) (lt $ms 1000) -}}
{{- printf "%dms" $ms -}}
{{- else if ne (mod $ms 1000) 0 -}}
{{- printf "%vs" (divf $ms 1000) -}}
{{- else if eq $seconds 0 -}}
0s
{{- else -}}
{{- with div $seconds 3600 }}{{ . }}h{{ end -}}
{{- with mod (div $seconds 60) 60 }}{{ . }}m{{ end -}}
{{- with mod $seconds 60 }}{{ . }}s{{ end -}}
{{- end -}}
{{- end -}}
