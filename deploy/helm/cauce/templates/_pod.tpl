{{/* What web servers and workers have in common: one image, one environment, no rights. */}}
{{- define "cauce.labels" -}}
app.kubernetes.io/name: cauce
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cauce.pod" -}}
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
volumes:
  # Everything that lasts is in PostgreSQL; these are places to scribble on.
  - {name: home, emptyDir: {}}
  - {name: tmp, emptyDir: {}}
{{- end }}

{{- define "cauce.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - secretRef: {name: {{ .Values.existingSecret }}}
env:
  - {name: CAUCE_PUBLIC_URL, value: {{ .Values.publicUrl | quote }}}
  {{- range $name, $value := .Values.settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
volumeMounts:
  - {name: home, mountPath: /var/lib/cauce}
  - {name: tmp, mountPath: /tmp}
{{- end }}
