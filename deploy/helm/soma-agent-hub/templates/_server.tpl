{{/* A server with a volume of its own: `server` has name, image, command, port, env, mount and values. */}}
{{- define "soma.server" -}}
{{- $name := printf "%s-%s" (include "soma.name" .root) .name }}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels: {{- include "soma.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  selector:
    matchLabels: {{- include "soma.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
  template:
    metadata:
      labels: {{- include "soma.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
    spec:
      {{- include "soma.podCommon" (dict "root" .root "of" .values) | nindent 6 }}
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .name }}
          {{- include "soma.container" .root | nindent 10 | replace (include "soma.image" .root) (.image | default (include "soma.image" .root)) }}
          {{- with .command }}
          command: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with .env }}
          env: {{- toYaml . | nindent 12 }}
          {{- end }}
          ports: [{name: server, containerPort: {{ .port }}, protocol: TCP}]
          startupProbe: {tcpSocket: {port: server}, periodSeconds: 1, failureThreshold: 300}
          readinessProbe: {tcpSocket: {port: server}, periodSeconds: 5, timeoutSeconds: 10, failureThreshold: 6}
          livenessProbe: {tcpSocket: {port: server}, periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 12}
          resources: {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            - {name: store, mountPath: {{ .mount }}}
            {{- with .root.Values.extraVolumeMounts }}{{ toYaml . | nindent 12 }}{{ end }}
      volumes:
        - name: tmp
          emptyDir: {}
        {{- with .values.storage.claim }}
        - name: store
          persistentVolumeClaim: {claimName: {{ . }}}
        {{- end }}
        {{- with .root.Values.extraVolumes }}{{ toYaml . | nindent 8 }}{{ end }}
  {{- if not .values.storage.claim }}
  volumeClaimTemplates: {{- include "soma.storageClaim" .values.storage | nindent 4 }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels: {{- include "soma.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  type: ClusterIP
  selector: {{- include "soma.selector" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
  ports: [{name: server, port: {{ .port }}, targetPort: server, protocol: TCP}]
{{- end -}}

{{- define "soma.password" -}}
- name: {{ .variable }}
  valueFrom: {secretKeyRef: {name: {{ include "soma.name" .root }}-servers, key: {{ .variable }}}}
{{- end -}}
