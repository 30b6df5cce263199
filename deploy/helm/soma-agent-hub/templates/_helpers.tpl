{{- define "soma.name" -}}
{{- if contains "soma" .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-soma" (.Release.Name | trunc 35 | trimSuffix "-") }}{{- end -}}
{{- end -}}

{{- define "soma.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}

{{- define "soma.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "soma.labels" -}}
{{ include "soma.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "soma.prefectApi" -}}
{{- .Values.prefect.apiUrl | default (printf "http://%s-prefect:4200/api" (include "soma.name" .)) -}}
{{- end -}}

{{- define "soma.dataClaim" -}}{{ .Values.data.claim | default (printf "%s-data" (include "soma.name" .)) }}{{- end -}}

{{- define "soma.runAccount" -}}{{ .Values.pods.serviceAccount | default (printf "%s-runs" (include "soma.name" .)) }}{{- end -}}

{{/* The restricted profile of the pod security standards, for every pod. */}}
{{- define "soma.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.user.id }}
runAsGroup: {{ .Values.user.group }}
fsGroup: {{ .Values.user.group }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {{- toYaml .Values.user.seccompProfile | nindent 2 }}
{{- end -}}

{{- define "soma.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What every pod says of itself; its part's own values come as `of`. Service links are off because
Kubernetes would set SOMA_GATEWAY_PORT, which is a setting of ours. */}}
{{- define "soma.podCommon" -}}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
serviceAccountName: {{ include "soma.name" .root }}{{ if .token }}-pods{{ end }}
securityContext: {{- include "soma.podSecurity" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "soma.container" -}}
image: {{ include "soma.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- include "soma.containerSecurity" . | nindent 2 }}
{{- end -}}

{{/* Settings of all processes, and the addresses that hold passwords. */}}
{{- define "soma.envFrom" -}}
- configMapRef: {name: {{ include "soma.name" . }}-settings}
- secretRef: {name: {{ include "soma.name" . }}-runs}
{{- end -}}

{{- define "soma.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: data, mountPath: /var/lib/soma}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "soma.volumes" -}}
- name: tmp
  emptyDir: {}
- name: data
  persistentVolumeClaim: {claimName: {{ include "soma.dataClaim" . }}}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A claim template of a server's own volume, or the volume of a claim of the user's. */}}
{{- define "soma.storageClaim" -}}
- metadata: {name: store}
  spec:
    accessModes: [ReadWriteOnce]
    {{- if not (kindIs "invalid" .className) }}
    storageClassName: {{ .className | quote }}
    {{- end }}
    resources: {requests: {storage: {{ .size }}}}
{{- end -}}
