// Written by scripts/grpc-messages.mjs from the descriptors of Kubernetes' Container Runtime Interface.

import type { DescriptorJson } from "../grpc/codec.ts";

/** Messages in the form of protobufjs' JSON. */
export const messageDescriptors = (): DescriptorJson => descriptors;

const descriptors = {
  nested: {
    runtime: {
      nested: {
        v1: {
          nested: {
            AttachRequest: {
              fields: {
                container_id: { type: "string", id: 1 },
                stdin: { type: "bool", id: 2 },
                tty: { type: "bool", id: 3 },
                stdout: { type: "bool", id: 4 },
                stderr: { type: "bool", id: 5 },
              },
            },
            AttachResponse: { fields: { url: { type: "string", id: 1 } } },
            AuthConfig: {
              fields: {
                username: { type: "string", id: 1 },
                password: { type: "string", id: 2, options: { debug_redact: true } },
                auth: { type: "string", id: 3, options: { debug_redact: true } },
                server_address: { type: "string", id: 4 },
                identity_token: { type: "string", id: 5, options: { debug_redact: true } },
                registry_token: { type: "string", id: 6, options: { debug_redact: true } },
              },
            },
            CDIDevice: { fields: { name: { type: "string", id: 1 } } },
            Capability: {
              fields: {
                add_capabilities: { rule: "repeated", type: "string", id: 1 },
                drop_capabilities: { rule: "repeated", type: "string", id: 2 },
                add_ambient_capabilities: { rule: "repeated", type: "string", id: 3 },
              },
            },
            CgroupDriver: { values: { SYSTEMD: 0, CGROUPFS: 1 } },
            CheckpointContainerRequest: {
              fields: {
                container_id: { type: "string", id: 1 },
                location: { type: "string", id: 2 },
                timeout: { type: "int64", id: 3 },
              },
            },
            CheckpointContainerResponse: { fields: {} },
            CheckpointPodRequest: {
              fields: {
                pod_sandbox_id: { type: "string", id: 1 },
                output_path: { type: "string", id: 2 },
                container_ids: { rule: "repeated", type: "string", id: 3 },
                options: { keyType: "string", type: "string", id: 4 },
              },
            },
            CheckpointPodResponse: { fields: {} },
            Container: {
              fields: {
                id: { type: "string", id: 1 },
                pod_sandbox_id: { type: "string", id: 2 },
                metadata: { type: "ContainerMetadata", id: 3 },
                image: { type: "ImageSpec", id: 4 },
                image_ref: { type: "string", id: 5 },
                state: { type: "ContainerState", id: 6 },
                created_at: { type: "int64", id: 7 },
                labels: { keyType: "string", type: "string", id: 8 },
                annotations: { keyType: "string", type: "string", id: 9 },
                image_id: { type: "string", id: 10 },
              },
            },
            ContainerAttributes: {
              fields: {
                id: { type: "string", id: 1 },
                metadata: { type: "ContainerMetadata", id: 2 },
                labels: { keyType: "string", type: "string", id: 3 },
                annotations: { keyType: "string", type: "string", id: 4 },
              },
            },
            ContainerConfig: {
              fields: {
                metadata: { type: "ContainerMetadata", id: 1 },
                image: { type: "ImageSpec", id: 2 },
                command: { rule: "repeated", type: "string", id: 3 },
                args: { rule: "repeated", type: "string", id: 4 },
                working_dir: { type: "string", id: 5 },
                envs: { rule: "repeated", type: "KeyValue", id: 6 },
                mounts: { rule: "repeated", type: "Mount", id: 7 },
                devices: { rule: "repeated", type: "Device", id: 8 },
                labels: { keyType: "string", type: "string", id: 9 },
                annotations: { keyType: "string", type: "string", id: 10 },
                log_path: { type: "string", id: 11 },
                stdin: { type: "bool", id: 12 },
                stdin_once: { type: "bool", id: 13 },
                tty: { type: "bool", id: 14 },
                linux: { type: "LinuxContainerConfig", id: 15 },
                windows: { type: "WindowsContainerConfig", id: 16 },
                CDI_devices: { rule: "repeated", type: "CDIDevice", id: 17 },
                stop_signal: { type: "Signal", id: 18 },
              },
            },
            ContainerEventResponse: {
              fields: {
                container_id: { type: "string", id: 1 },
                container_event_type: { type: "ContainerEventType", id: 2 },
                created_at: { type: "int64", id: 3 },
                pod_sandbox_status: { type: "PodSandboxStatus", id: 4 },
                containers_statuses: { rule: "repeated", type: "ContainerStatus", id: 5 },
              },
            },
            ContainerEventType: {
              values: {
                CONTAINER_CREATED_EVENT: 0,
                CONTAINER_STARTED_EVENT: 1,
                CONTAINER_STOPPED_EVENT: 2,
                CONTAINER_DELETED_EVENT: 3,
              },
            },
            ContainerFilter: {
              fields: {
                id: { type: "string", id: 1 },
                state: { type: "ContainerStateValue", id: 2 },
                pod_sandbox_id: { type: "string", id: 3 },
                label_selector: { keyType: "string", type: "string", id: 4 },
              },
            },
            ContainerMetadata: {
              fields: { name: { type: "string", id: 1 }, attempt: { type: "uint32", id: 2 } },
            },
            ContainerMetrics: {
              fields: {
                container_id: { type: "string", id: 1 },
                metrics: { rule: "repeated", type: "Metric", id: 2 },
              },
            },
            ContainerResources: {
              fields: {
                linux: { type: "LinuxContainerResources", id: 1 },
                windows: { type: "WindowsContainerResources", id: 2 },
              },
            },
            ContainerState: {
              values: {
                CONTAINER_CREATED: 0,
                CONTAINER_RUNNING: 1,
                CONTAINER_EXITED: 2,
                CONTAINER_UNKNOWN: 3,
              },
            },
            ContainerStateValue: { fields: { state: { type: "ContainerState", id: 1 } } },
            ContainerStats: {
              fields: {
                attributes: { type: "ContainerAttributes", id: 1 },
                cpu: { type: "CpuUsage", id: 2 },
                memory: { type: "MemoryUsage", id: 3 },
                writable_layer: { type: "FilesystemUsage", id: 4 },
                swap: { type: "SwapUsage", id: 5 },
                io: { type: "IoUsage", id: 6 },
              },
            },
            ContainerStatsFilter: {
              fields: {
                id: { type: "string", id: 1 },
                pod_sandbox_id: { type: "string", id: 2 },
                label_selector: { keyType: "string", type: "string", id: 3 },
              },
            },
            ContainerStatsRequest: { fields: { container_id: { type: "string", id: 1 } } },
            ContainerStatsResponse: { fields: { stats: { type: "ContainerStats", id: 1 } } },
            ContainerStatus: {
              fields: {
                id: { type: "string", id: 1 },
                metadata: { type: "ContainerMetadata", id: 2 },
                state: { type: "ContainerState", id: 3 },
                created_at: { type: "int64", id: 4 },
                started_at: { type: "int64", id: 5 },
                finished_at: { type: "int64", id: 6 },
                exit_code: { type: "int32", id: 7 },
                image: { type: "ImageSpec", id: 8 },
                image_ref: { type: "string", id: 9 },
                reason: { type: "string", id: 10 },
                message: { type: "string", id: 11 },
                labels: { keyType: "string", type: "string", id: 12 },
                annotations: { keyType: "string", type: "string", id: 13 },
                mounts: { rule: "repeated", type: "Mount", id: 14 },
                log_path: { type: "string", id: 15 },
                resources: { type: "ContainerResources", id: 16 },
                image_id: { type: "string", id: 17 },
                user: { type: "ContainerUser", id: 18 },
                stop_signal: { type: "Signal", id: 19 },
              },
            },
            ContainerStatusRequest: {
              fields: { container_id: { type: "string", id: 1 }, verbose: { type: "bool", id: 2 } },
            },
            ContainerStatusResponse: {
              fields: {
                status: { type: "ContainerStatus", id: 1 },
                info: { keyType: "string", type: "string", id: 2 },
              },
            },
            ContainerUser: { fields: { linux: { type: "LinuxContainerUser", id: 1 } } },
            CpuUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                usage_core_nano_seconds: { type: "UInt64Value", id: 2 },
                usage_nano_cores: { type: "UInt64Value", id: 3 },
                psi: { type: "PsiStats", id: 4 },
              },
            },
            CreateContainerRequest: {
              fields: {
                pod_sandbox_id: { type: "string", id: 1 },
                config: { type: "ContainerConfig", id: 2 },
                sandbox_config: { type: "PodSandboxConfig", id: 3 },
              },
            },
            CreateContainerResponse: { fields: { container_id: { type: "string", id: 1 } } },
            DNSConfig: {
              fields: {
                servers: { rule: "repeated", type: "string", id: 1 },
                searches: { rule: "repeated", type: "string", id: 2 },
                options: { rule: "repeated", type: "string", id: 3 },
              },
            },
            Device: {
              fields: {
                container_path: { type: "string", id: 1 },
                host_path: { type: "string", id: 2 },
                permissions: { type: "string", id: 3 },
              },
            },
            ExecRequest: {
              fields: {
                container_id: { type: "string", id: 1 },
                cmd: { rule: "repeated", type: "string", id: 2 },
                tty: { type: "bool", id: 3 },
                stdin: { type: "bool", id: 4 },
                stdout: { type: "bool", id: 5 },
                stderr: { type: "bool", id: 6 },
              },
            },
            ExecResponse: { fields: { url: { type: "string", id: 1 } } },
            ExecSyncRequest: {
              fields: {
                container_id: { type: "string", id: 1 },
                cmd: { rule: "repeated", type: "string", id: 2 },
                timeout: { type: "int64", id: 3 },
              },
            },
            ExecSyncResponse: {
              fields: {
                stdout: { type: "bytes", id: 1 },
                stderr: { type: "bytes", id: 2 },
                exit_code: { type: "int32", id: 3 },
              },
            },
            FilesystemIdentifier: { fields: { mountpoint: { type: "string", id: 1 } } },
            FilesystemUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                fs_id: { type: "FilesystemIdentifier", id: 2 },
                used_bytes: { type: "UInt64Value", id: 3 },
                inodes_used: { type: "UInt64Value", id: 4 },
              },
            },
            GetEventsRequest: { fields: {} },
            HugepageLimit: {
              fields: { page_size: { type: "string", id: 1 }, limit: { type: "uint64", id: 2 } },
            },
            IDMapping: {
              fields: {
                host_id: { type: "uint32", id: 1 },
                container_id: { type: "uint32", id: 2 },
                length: { type: "uint32", id: 3 },
              },
            },
            Image: {
              fields: {
                id: { type: "string", id: 1 },
                repo_tags: { rule: "repeated", type: "string", id: 2 },
                repo_digests: { rule: "repeated", type: "string", id: 3 },
                size: { type: "uint64", id: 4 },
                uid: { type: "Int64Value", id: 5 },
                username: { type: "string", id: 6 },
                spec: { type: "ImageSpec", id: 7 },
                pinned: { type: "bool", id: 8 },
              },
            },
            ImageFilter: { fields: { image: { type: "ImageSpec", id: 1 } } },
            ImageFsInfoRequest: { fields: {} },
            ImageFsInfoResponse: {
              fields: {
                image_filesystems: { rule: "repeated", type: "FilesystemUsage", id: 1 },
                container_filesystems: { rule: "repeated", type: "FilesystemUsage", id: 2 },
              },
            },
            ImageSpec: {
              fields: {
                image: { type: "string", id: 1 },
                annotations: { keyType: "string", type: "string", id: 2 },
                user_specified_image: { type: "string", id: 18 },
                runtime_handler: { type: "string", id: 19 },
                image_ref: { type: "string", id: 20 },
              },
            },
            ImageStatusRequest: {
              fields: { image: { type: "ImageSpec", id: 1 }, verbose: { type: "bool", id: 2 } },
            },
            ImageStatusResponse: {
              fields: { image: { type: "Image", id: 1 }, info: { keyType: "string", type: "string", id: 2 } },
            },
            Int64Value: { fields: { value: { type: "int64", id: 1 } } },
            IoUsage: { fields: { timestamp: { type: "int64", id: 1 }, psi: { type: "PsiStats", id: 2 } } },
            KeyValue: { fields: { key: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
            LinuxContainerConfig: {
              fields: {
                resources: { type: "LinuxContainerResources", id: 1 },
                security_context: { type: "LinuxContainerSecurityContext", id: 2 },
              },
            },
            LinuxContainerResources: {
              fields: {
                cpu_period: { type: "int64", id: 1 },
                cpu_quota: { type: "int64", id: 2 },
                cpu_shares: { type: "int64", id: 3 },
                memory_limit_in_bytes: { type: "int64", id: 4 },
                oom_score_adj: { type: "int64", id: 5 },
                cpuset_cpus: { type: "string", id: 6 },
                cpuset_mems: { type: "string", id: 7 },
                hugepage_limits: { rule: "repeated", type: "HugepageLimit", id: 8 },
                unified: { keyType: "string", type: "string", id: 9 },
                memory_swap_limit_in_bytes: { type: "int64", id: 10 },
              },
            },
            LinuxContainerSecurityContext: {
              fields: {
                capabilities: { type: "Capability", id: 1 },
                privileged: { type: "bool", id: 2 },
                namespace_options: { type: "NamespaceOption", id: 3 },
                selinux_options: { type: "SELinuxOption", id: 4 },
                run_as_user: { type: "Int64Value", id: 5 },
                run_as_group: { type: "Int64Value", id: 12 },
                run_as_username: { type: "string", id: 6 },
                readonly_rootfs: { type: "bool", id: 7 },
                supplemental_groups: { rule: "repeated", type: "int64", id: 8 },
                supplemental_groups_policy: { type: "SupplementalGroupsPolicy", id: 17 },
                no_new_privs: { type: "bool", id: 11 },
                masked_paths: { rule: "repeated", type: "string", id: 13 },
                readonly_paths: { rule: "repeated", type: "string", id: 14 },
                seccomp: { type: "SecurityProfile", id: 15 },
                apparmor: { type: "SecurityProfile", id: 16 },
                apparmor_profile: { type: "string", id: 9, options: { deprecated: true } },
                seccomp_profile_path: { type: "string", id: 10, options: { deprecated: true } },
              },
            },
            LinuxContainerUser: {
              fields: {
                uid: { type: "int64", id: 1 },
                gid: { type: "int64", id: 2 },
                supplemental_groups: { rule: "repeated", type: "int64", id: 3 },
              },
            },
            LinuxPodSandboxConfig: {
              fields: {
                cgroup_parent: { type: "string", id: 1 },
                security_context: { type: "LinuxSandboxSecurityContext", id: 2 },
                sysctls: { keyType: "string", type: "string", id: 3 },
                overhead: { type: "LinuxContainerResources", id: 4 },
                resources: { type: "LinuxContainerResources", id: 5 },
              },
            },
            LinuxPodSandboxStats: {
              fields: {
                cpu: { type: "CpuUsage", id: 1 },
                memory: { type: "MemoryUsage", id: 2 },
                network: { type: "NetworkUsage", id: 3 },
                process: { type: "ProcessUsage", id: 4 },
                containers: { rule: "repeated", type: "ContainerStats", id: 5 },
                io: { type: "IoUsage", id: 6 },
              },
            },
            LinuxPodSandboxStatus: { fields: { namespaces: { type: "Namespace", id: 1 } } },
            LinuxRuntimeConfiguration: { fields: { cgroup_driver: { type: "CgroupDriver", id: 1 } } },
            LinuxSandboxSecurityContext: {
              fields: {
                namespace_options: { type: "NamespaceOption", id: 1 },
                selinux_options: { type: "SELinuxOption", id: 2 },
                run_as_user: { type: "Int64Value", id: 3 },
                run_as_group: { type: "Int64Value", id: 8 },
                readonly_rootfs: { type: "bool", id: 4 },
                supplemental_groups: { rule: "repeated", type: "int64", id: 5 },
                supplemental_groups_policy: { type: "SupplementalGroupsPolicy", id: 11 },
                privileged: { type: "bool", id: 6 },
                seccomp: { type: "SecurityProfile", id: 9 },
                apparmor: { type: "SecurityProfile", id: 10 },
                seccomp_profile_path: { type: "string", id: 7, options: { deprecated: true } },
              },
            },
            ListContainerStatsRequest: { fields: { filter: { type: "ContainerStatsFilter", id: 1 } } },
            ListContainerStatsResponse: {
              fields: { stats: { rule: "repeated", type: "ContainerStats", id: 1 } },
            },
            ListContainersRequest: { fields: { filter: { type: "ContainerFilter", id: 1 } } },
            ListContainersResponse: {
              fields: { containers: { rule: "repeated", type: "Container", id: 1 } },
            },
            ListImagesRequest: { fields: { filter: { type: "ImageFilter", id: 1 } } },
            ListImagesResponse: { fields: { images: { rule: "repeated", type: "Image", id: 1 } } },
            ListMetricDescriptorsRequest: { fields: {} },
            ListMetricDescriptorsResponse: {
              fields: { descriptors: { rule: "repeated", type: "MetricDescriptor", id: 1 } },
            },
            ListPodSandboxMetricsRequest: { fields: {} },
            ListPodSandboxMetricsResponse: {
              fields: { pod_metrics: { rule: "repeated", type: "PodSandboxMetrics", id: 1 } },
            },
            ListPodSandboxRequest: { fields: { filter: { type: "PodSandboxFilter", id: 1 } } },
            ListPodSandboxResponse: { fields: { items: { rule: "repeated", type: "PodSandbox", id: 1 } } },
            ListPodSandboxStatsRequest: { fields: { filter: { type: "PodSandboxStatsFilter", id: 1 } } },
            ListPodSandboxStatsResponse: {
              fields: { stats: { rule: "repeated", type: "PodSandboxStats", id: 1 } },
            },
            MemoryUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                working_set_bytes: { type: "UInt64Value", id: 2 },
                available_bytes: { type: "UInt64Value", id: 3 },
                usage_bytes: { type: "UInt64Value", id: 4 },
                rss_bytes: { type: "UInt64Value", id: 5 },
                page_faults: { type: "UInt64Value", id: 6 },
                major_page_faults: { type: "UInt64Value", id: 7 },
                psi: { type: "PsiStats", id: 8 },
              },
            },
            Metric: {
              fields: {
                name: { type: "string", id: 1 },
                timestamp: { type: "int64", id: 2 },
                metric_type: { type: "MetricType", id: 3 },
                label_values: { rule: "repeated", type: "string", id: 4 },
                value: { type: "UInt64Value", id: 5 },
              },
            },
            MetricDescriptor: {
              fields: {
                name: { type: "string", id: 1 },
                help: { type: "string", id: 2 },
                label_keys: { rule: "repeated", type: "string", id: 3 },
              },
            },
            MetricType: { values: { COUNTER: 0, GAUGE: 1 } },
            Mount: {
              fields: {
                container_path: { type: "string", id: 1 },
                host_path: { type: "string", id: 2 },
                readonly: { type: "bool", id: 3 },
                selinux_relabel: { type: "bool", id: 4 },
                propagation: { type: "MountPropagation", id: 5 },
                uidMappings: { rule: "repeated", type: "IDMapping", id: 6 },
                gidMappings: { rule: "repeated", type: "IDMapping", id: 7 },
                recursive_read_only: { type: "bool", id: 8 },
                image: { type: "ImageSpec", id: 9 },
                image_sub_path: { type: "string", id: 10 },
                mount_options: { rule: "repeated", type: "string", id: 11 },
              },
            },
            MountPropagation: {
              values: {
                PROPAGATION_PRIVATE: 0,
                PROPAGATION_HOST_TO_CONTAINER: 1,
                PROPAGATION_BIDIRECTIONAL: 2,
              },
            },
            Namespace: { fields: { options: { type: "NamespaceOption", id: 2 } } },
            NamespaceMode: { values: { POD: 0, CONTAINER: 1, NODE: 2, TARGET: 3 } },
            NamespaceOption: {
              fields: {
                network: { type: "NamespaceMode", id: 1 },
                pid: { type: "NamespaceMode", id: 2 },
                ipc: { type: "NamespaceMode", id: 3 },
                target_id: { type: "string", id: 4 },
                userns_options: { type: "UserNamespace", id: 5 },
              },
            },
            NetworkConfig: { fields: { pod_cidr: { type: "string", id: 1 } } },
            NetworkInterfaceUsage: {
              fields: {
                name: { type: "string", id: 1 },
                rx_bytes: { type: "UInt64Value", id: 2 },
                rx_errors: { type: "UInt64Value", id: 3 },
                tx_bytes: { type: "UInt64Value", id: 4 },
                tx_errors: { type: "UInt64Value", id: 5 },
              },
            },
            NetworkUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                default_interface: { type: "NetworkInterfaceUsage", id: 2 },
                interfaces: { rule: "repeated", type: "NetworkInterfaceUsage", id: 3 },
              },
            },
            PodIP: { fields: { ip: { type: "string", id: 1 } } },
            PodSandbox: {
              fields: {
                id: { type: "string", id: 1 },
                metadata: { type: "PodSandboxMetadata", id: 2 },
                state: { type: "PodSandboxState", id: 3 },
                created_at: { type: "int64", id: 4 },
                labels: { keyType: "string", type: "string", id: 5 },
                annotations: { keyType: "string", type: "string", id: 6 },
                runtime_handler: { type: "string", id: 7 },
              },
            },
            PodSandboxAttributes: {
              fields: {
                id: { type: "string", id: 1 },
                metadata: { type: "PodSandboxMetadata", id: 2 },
                labels: { keyType: "string", type: "string", id: 3 },
                annotations: { keyType: "string", type: "string", id: 4 },
              },
            },
            PodSandboxConfig: {
              fields: {
                metadata: { type: "PodSandboxMetadata", id: 1 },
                hostname: { type: "string", id: 2 },
                log_directory: { type: "string", id: 3 },
                dns_config: { type: "DNSConfig", id: 4 },
                port_mappings: { rule: "repeated", type: "PortMapping", id: 5 },
                labels: { keyType: "string", type: "string", id: 6 },
                annotations: { keyType: "string", type: "string", id: 7 },
                linux: { type: "LinuxPodSandboxConfig", id: 8 },
                windows: { type: "WindowsPodSandboxConfig", id: 9 },
              },
            },
            PodSandboxFilter: {
              fields: {
                id: { type: "string", id: 1 },
                state: { type: "PodSandboxStateValue", id: 2 },
                label_selector: { keyType: "string", type: "string", id: 3 },
              },
            },
            PodSandboxMetadata: {
              fields: {
                name: { type: "string", id: 1 },
                uid: { type: "string", id: 2 },
                namespace: { type: "string", id: 3 },
                attempt: { type: "uint32", id: 4 },
              },
            },
            PodSandboxMetrics: {
              fields: {
                pod_sandbox_id: { type: "string", id: 1 },
                metrics: { rule: "repeated", type: "Metric", id: 2 },
                container_metrics: { rule: "repeated", type: "ContainerMetrics", id: 3 },
              },
            },
            PodSandboxNetworkStatus: {
              fields: {
                ip: { type: "string", id: 1 },
                additional_ips: { rule: "repeated", type: "PodIP", id: 2 },
              },
            },
            PodSandboxState: { values: { SANDBOX_READY: 0, SANDBOX_NOTREADY: 1 } },
            PodSandboxStateValue: { fields: { state: { type: "PodSandboxState", id: 1 } } },
            PodSandboxStats: {
              fields: {
                attributes: { type: "PodSandboxAttributes", id: 1 },
                linux: { type: "LinuxPodSandboxStats", id: 2 },
                windows: { type: "WindowsPodSandboxStats", id: 3 },
              },
            },
            PodSandboxStatsFilter: {
              fields: {
                id: { type: "string", id: 1 },
                label_selector: { keyType: "string", type: "string", id: 2 },
              },
            },
            PodSandboxStatsRequest: { fields: { pod_sandbox_id: { type: "string", id: 1 } } },
            PodSandboxStatsResponse: { fields: { stats: { type: "PodSandboxStats", id: 1 } } },
            PodSandboxStatus: {
              fields: {
                id: { type: "string", id: 1 },
                metadata: { type: "PodSandboxMetadata", id: 2 },
                state: { type: "PodSandboxState", id: 3 },
                created_at: { type: "int64", id: 4 },
                network: { type: "PodSandboxNetworkStatus", id: 5 },
                linux: { type: "LinuxPodSandboxStatus", id: 6 },
                labels: { keyType: "string", type: "string", id: 7 },
                annotations: { keyType: "string", type: "string", id: 8 },
                runtime_handler: { type: "string", id: 9 },
              },
            },
            PodSandboxStatusRequest: {
              fields: { pod_sandbox_id: { type: "string", id: 1 }, verbose: { type: "bool", id: 2 } },
            },
            PodSandboxStatusResponse: {
              fields: {
                status: { type: "PodSandboxStatus", id: 1 },
                info: { keyType: "string", type: "string", id: 2 },
                containers_statuses: { rule: "repeated", type: "ContainerStatus", id: 3 },
                timestamp: { type: "int64", id: 4 },
              },
            },
            PortForwardRequest: {
              fields: {
                pod_sandbox_id: { type: "string", id: 1 },
                port: { rule: "repeated", type: "int32", id: 2 },
              },
            },
            PortForwardResponse: { fields: { url: { type: "string", id: 1 } } },
            PortMapping: {
              fields: {
                protocol: { type: "Protocol", id: 1 },
                container_port: { type: "int32", id: 2 },
                host_port: { type: "int32", id: 3 },
                host_ip: { type: "string", id: 4 },
              },
            },
            ProcessUsage: {
              fields: { timestamp: { type: "int64", id: 1 }, process_count: { type: "UInt64Value", id: 2 } },
            },
            Protocol: { values: { TCP: 0, UDP: 1, SCTP: 2 } },
            PsiData: {
              fields: {
                Total: { type: "uint64", id: 1 },
                Avg10: { type: "double", id: 2 },
                Avg60: { type: "double", id: 3 },
                Avg300: { type: "double", id: 4 },
              },
            },
            PsiStats: { fields: { Full: { type: "PsiData", id: 1 }, Some: { type: "PsiData", id: 2 } } },
            PullImageRequest: {
              fields: {
                image: { type: "ImageSpec", id: 1 },
                auth: { type: "AuthConfig", id: 2 },
                sandbox_config: { type: "PodSandboxConfig", id: 3 },
              },
            },
            PullImageResponse: { fields: { image_ref: { type: "string", id: 1 } } },
            RemoveContainerRequest: { fields: { container_id: { type: "string", id: 1 } } },
            RemoveContainerResponse: { fields: {} },
            RemoveImageRequest: { fields: { image: { type: "ImageSpec", id: 1 } } },
            RemoveImageResponse: { fields: {} },
            RemovePodSandboxRequest: { fields: { pod_sandbox_id: { type: "string", id: 1 } } },
            RemovePodSandboxResponse: { fields: {} },
            ReopenContainerLogRequest: { fields: { container_id: { type: "string", id: 1 } } },
            ReopenContainerLogResponse: { fields: {} },
            RestorePodRequest: {
              fields: {
                checkpoint_path: { type: "string", id: 1 },
                config: { type: "PodSandboxConfig", id: 2 },
                runtime_handler: { type: "string", id: 3 },
                options: { keyType: "string", type: "string", id: 4 },
                container_configs: { rule: "repeated", type: "ContainerConfig", id: 5 },
              },
            },
            RestorePodResponse: {
              fields: {
                pod_sandbox_id: { type: "string", id: 1 },
                restored_containers: { rule: "repeated", type: "RestoredContainer", id: 2 },
              },
            },
            RestoredContainer: {
              fields: { name: { type: "string", id: 1 }, container_id: { type: "string", id: 2 } },
            },
            RunPodSandboxRequest: {
              fields: {
                config: { type: "PodSandboxConfig", id: 1 },
                runtime_handler: { type: "string", id: 2 },
              },
            },
            RunPodSandboxResponse: { fields: { pod_sandbox_id: { type: "string", id: 1 } } },
            RuntimeCondition: {
              fields: {
                type: { type: "string", id: 1 },
                status: { type: "bool", id: 2 },
                reason: { type: "string", id: 3 },
                message: { type: "string", id: 4 },
              },
            },
            RuntimeConfig: { fields: { network_config: { type: "NetworkConfig", id: 1 } } },
            RuntimeConfigRequest: { fields: {} },
            RuntimeConfigResponse: { fields: { linux: { type: "LinuxRuntimeConfiguration", id: 1 } } },
            RuntimeFeatures: {
              fields: {
                supplemental_groups_policy: { type: "bool", id: 1 },
                user_namespaces_host_network: { type: "bool", id: 2 },
                mount_options: { type: "bool", id: 3 },
              },
            },
            RuntimeHandler: {
              fields: {
                name: { type: "string", id: 1 },
                features: { type: "RuntimeHandlerFeatures", id: 2 },
              },
            },
            RuntimeHandlerFeatures: {
              fields: {
                recursive_read_only_mounts: { type: "bool", id: 1 },
                user_namespaces: { type: "bool", id: 2 },
              },
            },
            RuntimeStatus: { fields: { conditions: { rule: "repeated", type: "RuntimeCondition", id: 1 } } },
            SELinuxOption: {
              fields: {
                user: { type: "string", id: 1 },
                role: { type: "string", id: 2 },
                type: { type: "string", id: 3 },
                level: { type: "string", id: 4 },
              },
            },
            SecurityProfile: {
              fields: {
                profile_type: { type: "ProfileType", id: 1 },
                localhost_ref: { type: "string", id: 2 },
              },
              nested: { ProfileType: { values: { RuntimeDefault: 0, Unconfined: 1, Localhost: 2 } } },
            },
            Signal: {
              values: {
                SIGNAL_RUNTIME_DEFAULT: 0,
                SIGNAL_SIGABRT: 1,
                SIGNAL_SIGALRM: 2,
                SIGNAL_SIGBUS: 3,
                SIGNAL_SIGCHLD: 4,
                SIGNAL_SIGCLD: 5,
                SIGNAL_SIGCONT: 6,
                SIGNAL_SIGFPE: 7,
                SIGNAL_SIGHUP: 8,
                SIGNAL_SIGILL: 9,
                SIGNAL_SIGINT: 10,
                SIGNAL_SIGIO: 11,
                SIGNAL_SIGIOT: 12,
                SIGNAL_SIGKILL: 13,
                SIGNAL_SIGPIPE: 14,
                SIGNAL_SIGPOLL: 15,
                SIGNAL_SIGPROF: 16,
                SIGNAL_SIGPWR: 17,
                SIGNAL_SIGQUIT: 18,
                SIGNAL_SIGSEGV: 19,
                SIGNAL_SIGSTKFLT: 20,
                SIGNAL_SIGSTOP: 21,
                SIGNAL_SIGSYS: 22,
                SIGNAL_SIGTERM: 23,
                SIGNAL_SIGTRAP: 24,
                SIGNAL_SIGTSTP: 25,
                SIGNAL_SIGTTIN: 26,
                SIGNAL_SIGTTOU: 27,
                SIGNAL_SIGURG: 28,
                SIGNAL_SIGUSR1: 29,
                SIGNAL_SIGUSR2: 30,
                SIGNAL_SIGVTALRM: 31,
                SIGNAL_SIGWINCH: 32,
                SIGNAL_SIGXCPU: 33,
                SIGNAL_SIGXFSZ: 34,
                SIGNAL_SIGRTMIN: 35,
                SIGNAL_SIGRTMINPLUS1: 36,
                SIGNAL_SIGRTMINPLUS2: 37,
                SIGNAL_SIGRTMINPLUS3: 38,
                SIGNAL_SIGRTMINPLUS4: 39,
                SIGNAL_SIGRTMINPLUS5: 40,
                SIGNAL_SIGRTMINPLUS6: 41,
                SIGNAL_SIGRTMINPLUS7: 42,
                SIGNAL_SIGRTMINPLUS8: 43,
                SIGNAL_SIGRTMINPLUS9: 44,
                SIGNAL_SIGRTMINPLUS10: 45,
                SIGNAL_SIGRTMINPLUS11: 46,
                SIGNAL_SIGRTMINPLUS12: 47,
                SIGNAL_SIGRTMINPLUS13: 48,
                SIGNAL_SIGRTMINPLUS14: 49,
                SIGNAL_SIGRTMINPLUS15: 50,
                SIGNAL_SIGRTMAXMINUS14: 51,
                SIGNAL_SIGRTMAXMINUS13: 52,
                SIGNAL_SIGRTMAXMINUS12: 53,
                SIGNAL_SIGRTMAXMINUS11: 54,
                SIGNAL_SIGRTMAXMINUS10: 55,
                SIGNAL_SIGRTMAXMINUS9: 56,
                SIGNAL_SIGRTMAXMINUS8: 57,
                SIGNAL_SIGRTMAXMINUS7: 58,
                SIGNAL_SIGRTMAXMINUS6: 59,
                SIGNAL_SIGRTMAXMINUS5: 60,
                SIGNAL_SIGRTMAXMINUS4: 61,
                SIGNAL_SIGRTMAXMINUS3: 62,
                SIGNAL_SIGRTMAXMINUS2: 63,
                SIGNAL_SIGRTMAXMINUS1: 64,
                SIGNAL_SIGRTMAX: 65,
              },
            },
            StartContainerRequest: { fields: { container_id: { type: "string", id: 1 } } },
            StartContainerResponse: { fields: {} },
            StatusRequest: { fields: { verbose: { type: "bool", id: 1 } } },
            StatusResponse: {
              fields: {
                status: { type: "RuntimeStatus", id: 1 },
                info: { keyType: "string", type: "string", id: 2 },
                runtime_handlers: { rule: "repeated", type: "RuntimeHandler", id: 3 },
                features: { type: "RuntimeFeatures", id: 4 },
              },
            },
            StopContainerRequest: {
              fields: { container_id: { type: "string", id: 1 }, timeout: { type: "int64", id: 2 } },
            },
            StopContainerResponse: { fields: {} },
            StopPodSandboxRequest: { fields: { pod_sandbox_id: { type: "string", id: 1 } } },
            StopPodSandboxResponse: { fields: {} },
            StreamContainerStatsRequest: { fields: { filter: { type: "ContainerStatsFilter", id: 1 } } },
            StreamContainerStatsResponse: {
              fields: { container_stats: { rule: "repeated", type: "ContainerStats", id: 1 } },
            },
            StreamContainersRequest: { fields: { filter: { type: "ContainerFilter", id: 1 } } },
            StreamContainersResponse: {
              fields: { containers: { rule: "repeated", type: "Container", id: 1 } },
            },
            StreamImagesRequest: { fields: { filter: { type: "ImageFilter", id: 1 } } },
            StreamImagesResponse: { fields: { images: { rule: "repeated", type: "Image", id: 1 } } },
            StreamPodSandboxMetricsRequest: { fields: {} },
            StreamPodSandboxMetricsResponse: {
              fields: { pod_sandbox_metrics: { rule: "repeated", type: "PodSandboxMetrics", id: 1 } },
            },
            StreamPodSandboxStatsRequest: { fields: { filter: { type: "PodSandboxStatsFilter", id: 1 } } },
            StreamPodSandboxStatsResponse: {
              fields: { pod_sandbox_stats: { rule: "repeated", type: "PodSandboxStats", id: 1 } },
            },
            StreamPodSandboxesRequest: { fields: { filter: { type: "PodSandboxFilter", id: 1 } } },
            StreamPodSandboxesResponse: {
              fields: { pod_sandboxes: { rule: "repeated", type: "PodSandbox", id: 1 } },
            },
            SupplementalGroupsPolicy: { values: { Merge: 0, Strict: 1 } },
            SwapUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                swap_available_bytes: { type: "UInt64Value", id: 2 },
                swap_usage_bytes: { type: "UInt64Value", id: 3 },
              },
            },
            UInt64Value: { fields: { value: { type: "uint64", id: 1 } } },
            UpdateContainerResourcesRequest: {
              fields: {
                container_id: { type: "string", id: 1 },
                linux: { type: "LinuxContainerResources", id: 2 },
                windows: { type: "WindowsContainerResources", id: 3 },
                annotations: { keyType: "string", type: "string", id: 4 },
              },
            },
            UpdateContainerResourcesResponse: { fields: {} },
            UpdatePodSandboxResourcesRequest: {
              fields: {
                pod_sandbox_id: { type: "string", id: 1 },
                overhead: { type: "LinuxContainerResources", id: 2 },
                resources: { type: "LinuxContainerResources", id: 3 },
              },
            },
            UpdatePodSandboxResourcesResponse: { fields: {} },
            UpdateRuntimeConfigRequest: { fields: { runtime_config: { type: "RuntimeConfig", id: 1 } } },
            UpdateRuntimeConfigResponse: { fields: {} },
            UserNamespace: {
              fields: {
                mode: { type: "NamespaceMode", id: 1 },
                uids: { rule: "repeated", type: "IDMapping", id: 2 },
                gids: { rule: "repeated", type: "IDMapping", id: 3 },
              },
            },
            VersionRequest: { fields: { version: { type: "string", id: 1 } } },
            VersionResponse: {
              fields: {
                version: { type: "string", id: 1 },
                runtime_name: { type: "string", id: 2 },
                runtime_version: { type: "string", id: 3 },
                runtime_api_version: { type: "string", id: 4 },
              },
            },
            WindowsContainerConfig: {
              fields: {
                resources: { type: "WindowsContainerResources", id: 1 },
                security_context: { type: "WindowsContainerSecurityContext", id: 2 },
              },
            },
            WindowsContainerResources: {
              fields: {
                cpu_shares: { type: "int64", id: 1 },
                cpu_count: { type: "int64", id: 2 },
                cpu_maximum: { type: "int64", id: 3 },
                memory_limit_in_bytes: { type: "int64", id: 4 },
                rootfs_size_in_bytes: { type: "int64", id: 5 },
                affinity_cpus: { rule: "repeated", type: "WindowsCpuGroupAffinity", id: 6 },
              },
            },
            WindowsContainerSecurityContext: {
              fields: {
                run_as_username: { type: "string", id: 1 },
                credential_spec: { type: "string", id: 2 },
                host_process: { type: "bool", id: 3 },
              },
            },
            WindowsContainerStats: {
              fields: {
                attributes: { type: "ContainerAttributes", id: 1 },
                cpu: { type: "WindowsCpuUsage", id: 2 },
                memory: { type: "WindowsMemoryUsage", id: 3 },
                writable_layer: { type: "WindowsFilesystemUsage", id: 4 },
              },
            },
            WindowsCpuGroupAffinity: {
              fields: { cpu_mask: { type: "uint64", id: 1 }, cpu_group: { type: "uint32", id: 2 } },
            },
            WindowsCpuUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                usage_core_nano_seconds: { type: "UInt64Value", id: 2 },
                usage_nano_cores: { type: "UInt64Value", id: 3 },
              },
            },
            WindowsFilesystemUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                fs_id: { type: "FilesystemIdentifier", id: 2 },
                used_bytes: { type: "UInt64Value", id: 3 },
              },
            },
            WindowsMemoryUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                working_set_bytes: { type: "UInt64Value", id: 2 },
                available_bytes: { type: "UInt64Value", id: 3 },
                page_faults: { type: "UInt64Value", id: 4 },
                commit_memory_bytes: { type: "UInt64Value", id: 5 },
              },
            },
            WindowsNamespaceOption: { fields: { network: { type: "NamespaceMode", id: 1 } } },
            WindowsNetworkInterfaceUsage: {
              fields: {
                name: { type: "string", id: 1 },
                rx_bytes: { type: "UInt64Value", id: 2 },
                rx_packets_dropped: { type: "UInt64Value", id: 3 },
                tx_bytes: { type: "UInt64Value", id: 4 },
                tx_packets_dropped: { type: "UInt64Value", id: 5 },
              },
            },
            WindowsNetworkUsage: {
              fields: {
                timestamp: { type: "int64", id: 1 },
                default_interface: { type: "WindowsNetworkInterfaceUsage", id: 2 },
                interfaces: { rule: "repeated", type: "WindowsNetworkInterfaceUsage", id: 3 },
              },
            },
            WindowsPodSandboxConfig: {
              fields: { security_context: { type: "WindowsSandboxSecurityContext", id: 1 } },
            },
            WindowsPodSandboxStats: {
              fields: {
                cpu: { type: "WindowsCpuUsage", id: 1 },
                memory: { type: "WindowsMemoryUsage", id: 2 },
                network: { type: "WindowsNetworkUsage", id: 3 },
                process: { type: "WindowsProcessUsage", id: 4 },
                containers: { rule: "repeated", type: "WindowsContainerStats", id: 5 },
              },
            },
            WindowsProcessUsage: {
              fields: { timestamp: { type: "int64", id: 1 }, process_count: { type: "UInt64Value", id: 2 } },
            },
            WindowsSandboxSecurityContext: {
              fields: {
                run_as_username: { type: "string", id: 1 },
                credential_spec: { type: "string", id: 2 },
                host_process: { type: "bool", id: 3 },
                namespace_options: { type: "WindowsNamespaceOption", id: 4 },
              },
            },
          },
        },
      },
    },
  },
};

/** Of each method: the types of its requests and of its responses. */
export const methodTypes = {
  "runtime.v1.RuntimeService/Version": ["runtime.v1.VersionRequest", "runtime.v1.VersionResponse"],
  "runtime.v1.RuntimeService/RunPodSandbox": [
    "runtime.v1.RunPodSandboxRequest",
    "runtime.v1.RunPodSandboxResponse",
  ],
  "runtime.v1.RuntimeService/StopPodSandbox": [
    "runtime.v1.StopPodSandboxRequest",
    "runtime.v1.StopPodSandboxResponse",
  ],
  "runtime.v1.RuntimeService/RemovePodSandbox": [
    "runtime.v1.RemovePodSandboxRequest",
    "runtime.v1.RemovePodSandboxResponse",
  ],
  "runtime.v1.RuntimeService/PodSandboxStatus": [
    "runtime.v1.PodSandboxStatusRequest",
    "runtime.v1.PodSandboxStatusResponse",
  ],
  "runtime.v1.RuntimeService/ListPodSandbox": [
    "runtime.v1.ListPodSandboxRequest",
    "runtime.v1.ListPodSandboxResponse",
  ],
  "runtime.v1.RuntimeService/StreamPodSandboxes": [
    "runtime.v1.StreamPodSandboxesRequest",
    "runtime.v1.StreamPodSandboxesResponse",
  ],
  "runtime.v1.RuntimeService/CreateContainer": [
    "runtime.v1.CreateContainerRequest",
    "runtime.v1.CreateContainerResponse",
  ],
  "runtime.v1.RuntimeService/StartContainer": [
    "runtime.v1.StartContainerRequest",
    "runtime.v1.StartContainerResponse",
  ],
  "runtime.v1.RuntimeService/StopContainer": [
    "runtime.v1.StopContainerRequest",
    "runtime.v1.StopContainerResponse",
  ],
  "runtime.v1.RuntimeService/RemoveContainer": [
    "runtime.v1.RemoveContainerRequest",
    "runtime.v1.RemoveContainerResponse",
  ],
  "runtime.v1.RuntimeService/ListContainers": [
    "runtime.v1.ListContainersRequest",
    "runtime.v1.ListContainersResponse",
  ],
  "runtime.v1.RuntimeService/StreamContainers": [
    "runtime.v1.StreamContainersRequest",
    "runtime.v1.StreamContainersResponse",
  ],
  "runtime.v1.RuntimeService/ContainerStatus": [
    "runtime.v1.ContainerStatusRequest",
    "runtime.v1.ContainerStatusResponse",
  ],
  "runtime.v1.RuntimeService/UpdateContainerResources": [
    "runtime.v1.UpdateContainerResourcesRequest",
    "runtime.v1.UpdateContainerResourcesResponse",
  ],
  "runtime.v1.RuntimeService/ReopenContainerLog": [
    "runtime.v1.ReopenContainerLogRequest",
    "runtime.v1.ReopenContainerLogResponse",
  ],
  "runtime.v1.RuntimeService/ExecSync": ["runtime.v1.ExecSyncRequest", "runtime.v1.ExecSyncResponse"],
  "runtime.v1.RuntimeService/Exec": ["runtime.v1.ExecRequest", "runtime.v1.ExecResponse"],
  "runtime.v1.RuntimeService/Attach": ["runtime.v1.AttachRequest", "runtime.v1.AttachResponse"],
  "runtime.v1.RuntimeService/PortForward": [
    "runtime.v1.PortForwardRequest",
    "runtime.v1.PortForwardResponse",
  ],
  "runtime.v1.RuntimeService/ContainerStats": [
    "runtime.v1.ContainerStatsRequest",
    "runtime.v1.ContainerStatsResponse",
  ],
  "runtime.v1.RuntimeService/ListContainerStats": [
    "runtime.v1.ListContainerStatsRequest",
    "runtime.v1.ListContainerStatsResponse",
  ],
  "runtime.v1.RuntimeService/StreamContainerStats": [
    "runtime.v1.StreamContainerStatsRequest",
    "runtime.v1.StreamContainerStatsResponse",
  ],
  "runtime.v1.RuntimeService/PodSandboxStats": [
    "runtime.v1.PodSandboxStatsRequest",
    "runtime.v1.PodSandboxStatsResponse",
  ],
  "runtime.v1.RuntimeService/ListPodSandboxStats": [
    "runtime.v1.ListPodSandboxStatsRequest",
    "runtime.v1.ListPodSandboxStatsResponse",
  ],
  "runtime.v1.RuntimeService/StreamPodSandboxStats": [
    "runtime.v1.StreamPodSandboxStatsRequest",
    "runtime.v1.StreamPodSandboxStatsResponse",
  ],
  "runtime.v1.RuntimeService/UpdateRuntimeConfig": [
    "runtime.v1.UpdateRuntimeConfigRequest",
    "runtime.v1.UpdateRuntimeConfigResponse",
  ],
  "runtime.v1.RuntimeService/Status": ["runtime.v1.StatusRequest", "runtime.v1.StatusResponse"],
  "runtime.v1.RuntimeService/CheckpointContainer": [
    "runtime.v1.CheckpointContainerRequest",
    "runtime.v1.CheckpointContainerResponse",
  ],
  "runtime.v1.RuntimeService/CheckpointPod": [
    "runtime.v1.CheckpointPodRequest",
    "runtime.v1.CheckpointPodResponse",
  ],
  "runtime.v1.RuntimeService/RestorePod": ["runtime.v1.RestorePodRequest", "runtime.v1.RestorePodResponse"],
  "runtime.v1.RuntimeService/GetContainerEvents": [
    "runtime.v1.GetEventsRequest",
    "runtime.v1.ContainerEventResponse",
  ],
  "runtime.v1.RuntimeService/ListMetricDescriptors": [
    "runtime.v1.ListMetricDescriptorsRequest",
    "runtime.v1.ListMetricDescriptorsResponse",
  ],
  "runtime.v1.RuntimeService/ListPodSandboxMetrics": [
    "runtime.v1.ListPodSandboxMetricsRequest",
    "runtime.v1.ListPodSandboxMetricsResponse",
  ],
  "runtime.v1.RuntimeService/StreamPodSandboxMetrics": [
    "runtime.v1.StreamPodSandboxMetricsRequest",
    "runtime.v1.StreamPodSandboxMetricsResponse",
  ],
  "runtime.v1.RuntimeService/RuntimeConfig": [
    "runtime.v1.RuntimeConfigRequest",
    "runtime.v1.RuntimeConfigResponse",
  ],
  "runtime.v1.RuntimeService/UpdatePodSandboxResources": [
    "runtime.v1.UpdatePodSandboxResourcesRequest",
    "runtime.v1.UpdatePodSandboxResourcesResponse",
  ],
  "runtime.v1.ImageService/ListImages": ["runtime.v1.ListImagesRequest", "runtime.v1.ListImagesResponse"],
  "runtime.v1.ImageService/StreamImages": [
    "runtime.v1.StreamImagesRequest",
    "runtime.v1.StreamImagesResponse",
  ],
  "runtime.v1.ImageService/ImageStatus": ["runtime.v1.ImageStatusRequest", "runtime.v1.ImageStatusResponse"],
  "runtime.v1.ImageService/PullImage": ["runtime.v1.PullImageRequest", "runtime.v1.PullImageResponse"],
  "runtime.v1.ImageService/RemoveImage": ["runtime.v1.RemoveImageRequest", "runtime.v1.RemoveImageResponse"],
  "runtime.v1.ImageService/ImageFsInfo": ["runtime.v1.ImageFsInfoRequest", "runtime.v1.ImageFsInfoResponse"],
} as const;

interface AttachRequest {
  readonly container_id: string;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

interface AttachResponse {
  readonly url: string;
}

interface AuthConfig {
  readonly username: string;
  readonly password: string;
  readonly auth: string;
  readonly server_address: string;
  readonly identity_token: string;
  readonly registry_token: string;
}

interface CDIDevice {
  readonly name: string;
}

interface Capability {
  readonly add_capabilities: readonly string[];
  readonly drop_capabilities: readonly string[];
  readonly add_ambient_capabilities: readonly string[];
}

interface CheckpointContainerRequest {
  readonly container_id: string;
  readonly location: string;
  readonly timeout: number;
}

type CheckpointContainerResponse = Readonly<Record<string, never>>;

interface CheckpointPodRequest {
  readonly pod_sandbox_id: string;
  readonly output_path: string;
  readonly container_ids: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

type CheckpointPodResponse = Readonly<Record<string, never>>;

interface Container {
  readonly id: string;
  readonly pod_sandbox_id: string;
  readonly metadata: ContainerMetadata | null;
  readonly image: ImageSpec | null;
  readonly image_ref: string;
  readonly state: number;
  readonly created_at: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly image_id: string;
}

interface ContainerAttributes {
  readonly id: string;
  readonly metadata: ContainerMetadata | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface ContainerConfig {
  readonly metadata: ContainerMetadata | null;
  readonly image: ImageSpec | null;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly working_dir: string;
  readonly envs: readonly KeyValue[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly Device[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly log_path: string;
  readonly stdin: boolean;
  readonly stdin_once: boolean;
  readonly tty: boolean;
  readonly linux: LinuxContainerConfig | null;
  readonly windows: WindowsContainerConfig | null;
  readonly CDI_devices: readonly CDIDevice[];
  readonly stop_signal: number;
}

interface ContainerEventResponse {
  readonly container_id: string;
  readonly container_event_type: number;
  readonly created_at: number;
  readonly pod_sandbox_status: PodSandboxStatus | null;
  readonly containers_statuses: readonly ContainerStatus[];
}

interface ContainerFilter {
  readonly id: string;
  readonly state: ContainerStateValue | null;
  readonly pod_sandbox_id: string;
  readonly label_selector: Readonly<Record<string, string>>;
}

interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

interface ContainerMetrics {
  readonly container_id: string;
  readonly metrics: readonly Metric[];
}

interface ContainerResources {
  readonly linux: LinuxContainerResources | null;
  readonly windows: WindowsContainerResources | null;
}

interface ContainerStateValue {
  readonly state: number;
}

interface ContainerStats {
  readonly attributes: ContainerAttributes | null;
  readonly cpu: CpuUsage | null;
  readonly memory: MemoryUsage | null;
  readonly writable_layer: FilesystemUsage | null;
  readonly swap: SwapUsage | null;
  readonly io: IoUsage | null;
}

interface ContainerStatsFilter {
  readonly id: string;
  readonly pod_sandbox_id: string;
  readonly label_selector: Readonly<Record<string, string>>;
}

interface ContainerStatsRequest {
  readonly container_id: string;
}

interface ContainerStatsResponse {
  readonly stats: ContainerStats | null;
}

interface ContainerStatus {
  readonly id: string;
  readonly metadata: ContainerMetadata | null;
  readonly state: number;
  readonly created_at: number;
  readonly started_at: number;
  readonly finished_at: number;
  readonly exit_code: number;
  readonly image: ImageSpec | null;
  readonly image_ref: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly log_path: string;
  readonly resources: ContainerResources | null;
  readonly image_id: string;
  readonly user: ContainerUser | null;
  readonly stop_signal: number;
}

interface ContainerStatusRequest {
  readonly container_id: string;
  readonly verbose: boolean;
}

interface ContainerStatusResponse {
  readonly status: ContainerStatus | null;
  readonly info: Readonly<Record<string, string>>;
}

interface ContainerUser {
  readonly linux: LinuxContainerUser | null;
}

interface CpuUsage {
  readonly timestamp: number;
  readonly usage_core_nano_seconds: UInt64Value | null;
  readonly usage_nano_cores: UInt64Value | null;
  readonly psi: PsiStats | null;
}

interface CreateContainerRequest {
  readonly pod_sandbox_id: string;
  readonly config: ContainerConfig | null;
  readonly sandbox_config: PodSandboxConfig | null;
}

interface CreateContainerResponse {
  readonly container_id: string;
}

interface DNSConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

interface Device {
  readonly container_path: string;
  readonly host_path: string;
  readonly permissions: string;
}

interface ExecRequest {
  readonly container_id: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

interface ExecResponse {
  readonly url: string;
}

interface ExecSyncRequest {
  readonly container_id: string;
  readonly cmd: readonly string[];
  readonly timeout: number;
}

interface ExecSyncResponse {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exit_code: number;
}

interface FilesystemIdentifier {
  readonly mountpoint: string;
}

interface FilesystemUsage {
  readonly timestamp: number;
  readonly fs_id: FilesystemIdentifier | null;
  readonly used_bytes: UInt64Value | null;
  readonly inodes_used: UInt64Value | null;
}

type GetEventsRequest = Readonly<Record<string, never>>;

interface HugepageLimit {
  readonly page_size: string;
  readonly limit: number;
}

interface IDMapping {
  readonly host_id: number;
  readonly container_id: number;
  readonly length: number;
}

interface Image {
  readonly id: string;
  readonly repo_tags: readonly string[];
  readonly repo_digests: readonly string[];
  readonly size: number;
  readonly uid: Int64Value | null;
  readonly username: string;
  readonly spec: ImageSpec | null;
  readonly pinned: boolean;
}

interface ImageFilter {
  readonly image: ImageSpec | null;
}

type ImageFsInfoRequest = Readonly<Record<string, never>>;

interface ImageFsInfoResponse {
  readonly image_filesystems: readonly FilesystemUsage[];
  readonly container_filesystems: readonly FilesystemUsage[];
}

interface ImageSpec {
  readonly image: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly user_specified_image: string;
  readonly runtime_handler: string;
  readonly image_ref: string;
}

interface ImageStatusRequest {
  readonly image: ImageSpec | null;
  readonly verbose: boolean;
}

interface ImageStatusResponse {
  readonly image: Image | null;
  readonly info: Readonly<Record<string, string>>;
}

interface Int64Value {
  readonly value: number;
}

interface IoUsage {
  readonly timestamp: number;
  readonly psi: PsiStats | null;
}

interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
}

interface LinuxContainerConfig {
  readonly resources: LinuxContainerResources | null;
  readonly security_context: LinuxContainerSecurityContext | null;
}

interface LinuxContainerResources {
  readonly cpu_period: number;
  readonly cpu_quota: number;
  readonly cpu_shares: number;
  readonly memory_limit_in_bytes: number;
  readonly oom_score_adj: number;
  readonly cpuset_cpus: string;
  readonly cpuset_mems: string;
  readonly hugepage_limits: readonly HugepageLimit[];
  readonly unified: Readonly<Record<string, string>>;
  readonly memory_swap_limit_in_bytes: number;
}

interface LinuxContainerSecurityContext {
  readonly capabilities: Capability | null;
  readonly privileged: boolean;
  readonly namespace_options: NamespaceOption | null;
  readonly selinux_options: SELinuxOption | null;
  readonly run_as_user: Int64Value | null;
  readonly run_as_group: Int64Value | null;
  readonly run_as_username: string;
  readonly readonly_rootfs: boolean;
  readonly supplemental_groups: readonly number[];
  readonly supplemental_groups_policy: number;
  readonly no_new_privs: boolean;
  readonly masked_paths: readonly string[];
  readonly readonly_paths: readonly string[];
  readonly seccomp: SecurityProfile | null;
  readonly apparmor: SecurityProfile | null;
  readonly apparmor_profile: string;
  readonly seccomp_profile_path: string;
}

interface LinuxContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly supplemental_groups: readonly number[];
}

interface LinuxPodSandboxConfig {
  readonly cgroup_parent: string;
  readonly security_context: LinuxSandboxSecurityContext | null;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly overhead: LinuxContainerResources | null;
  readonly resources: LinuxContainerResources | null;
}

interface LinuxPodSandboxStats {
  readonly cpu: CpuUsage | null;
  readonly memory: MemoryUsage | null;
  readonly network: NetworkUsage | null;
  readonly process: ProcessUsage | null;
  readonly containers: readonly ContainerStats[];
  readonly io: IoUsage | null;
}

interface LinuxPodSandboxStatus {
  readonly namespaces: Namespace | null;
}

interface LinuxRuntimeConfiguration {
  readonly cgroup_driver: number;
}

interface LinuxSandboxSecurityContext {
  readonly namespace_options: NamespaceOption | null;
  readonly selinux_options: SELinuxOption | null;
  readonly run_as_user: Int64Value | null;
  readonly run_as_group: Int64Value | null;
  readonly readonly_rootfs: boolean;
  readonly supplemental_groups: readonly number[];
  readonly supplemental_groups_policy: number;
  readonly privileged: boolean;
  readonly seccomp: SecurityProfile | null;
  readonly apparmor: SecurityProfile | null;
  readonly seccomp_profile_path: string;
}

interface ListContainerStatsRequest {
  readonly filter: ContainerStatsFilter | null;
}

interface ListContainerStatsResponse {
  readonly stats: readonly ContainerStats[];
}

interface ListContainersRequest {
  readonly filter: ContainerFilter | null;
}

interface ListContainersResponse {
  readonly containers: readonly Container[];
}

interface ListImagesRequest {
  readonly filter: ImageFilter | null;
}

interface ListImagesResponse {
  readonly images: readonly Image[];
}

type ListMetricDescriptorsRequest = Readonly<Record<string, never>>;

interface ListMetricDescriptorsResponse {
  readonly descriptors: readonly MetricDescriptor[];
}

type ListPodSandboxMetricsRequest = Readonly<Record<string, never>>;

interface ListPodSandboxMetricsResponse {
  readonly pod_metrics: readonly PodSandboxMetrics[];
}

interface ListPodSandboxRequest {
  readonly filter: PodSandboxFilter | null;
}

interface ListPodSandboxResponse {
  readonly items: readonly PodSandbox[];
}

interface ListPodSandboxStatsRequest {
  readonly filter: PodSandboxStatsFilter | null;
}

interface ListPodSandboxStatsResponse {
  readonly stats: readonly PodSandboxStats[];
}

interface MemoryUsage {
  readonly timestamp: number;
  readonly working_set_bytes: UInt64Value | null;
  readonly available_bytes: UInt64Value | null;
  readonly usage_bytes: UInt64Value | null;
  readonly rss_bytes: UInt64Value | null;
  readonly page_faults: UInt64Value | null;
  readonly major_page_faults: UInt64Value | null;
  readonly psi: PsiStats | null;
}

interface Metric {
  readonly name: string;
  readonly timestamp: number;
  readonly metric_type: number;
  readonly label_values: readonly string[];
  readonly value: UInt64Value | null;
}

interface MetricDescriptor {
  readonly name: string;
  readonly help: string;
  readonly label_keys: readonly string[];
}

interface Mount {
  readonly container_path: string;
  readonly host_path: string;
  readonly readonly: boolean;
  readonly selinux_relabel: boolean;
  readonly propagation: number;
  readonly uidMappings: readonly IDMapping[];
  readonly gidMappings: readonly IDMapping[];
  readonly recursive_read_only: boolean;
  readonly image: ImageSpec | null;
  readonly image_sub_path: string;
  readonly mount_options: readonly string[];
}

interface Namespace {
  readonly options: NamespaceOption | null;
}

interface NamespaceOption {
  readonly network: number;
  readonly pid: number;
  readonly ipc: number;
  readonly target_id: string;
  readonly userns_options: UserNamespace | null;
}

interface NetworkConfig {
  readonly pod_cidr: string;
}

interface NetworkInterfaceUsage {
  readonly name: string;
  readonly rx_bytes: UInt64Value | null;
  readonly rx_errors: UInt64Value | null;
  readonly tx_bytes: UInt64Value | null;
  readonly tx_errors: UInt64Value | null;
}

interface NetworkUsage {
  readonly timestamp: number;
  readonly default_interface: NetworkInterfaceUsage | null;
  readonly interfaces: readonly NetworkInterfaceUsage[];
}

interface PodIP {
  readonly ip: string;
}

interface PodSandbox {
  readonly id: string;
  readonly metadata: PodSandboxMetadata | null;
  readonly state: number;
  readonly created_at: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtime_handler: string;
}

interface PodSandboxAttributes {
  readonly id: string;
  readonly metadata: PodSandboxMetadata | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata | null;
  readonly hostname: string;
  readonly log_directory: string;
  readonly dns_config: DNSConfig | null;
  readonly port_mappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: LinuxPodSandboxConfig | null;
  readonly windows: WindowsPodSandboxConfig | null;
}

interface PodSandboxFilter {
  readonly id: string;
  readonly state: PodSandboxStateValue | null;
  readonly label_selector: Readonly<Record<string, string>>;
}

interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

interface PodSandboxMetrics {
  readonly pod_sandbox_id: string;
  readonly metrics: readonly Metric[];
  readonly container_metrics: readonly ContainerMetrics[];
}

interface PodSandboxNetworkStatus {
  readonly ip: string;
  readonly additional_ips: readonly PodIP[];
}

interface PodSandboxStateValue {
  readonly state: number;
}

interface PodSandboxStats {
  readonly attributes: PodSandboxAttributes | null;
  readonly linux: LinuxPodSandboxStats | null;
  readonly windows: WindowsPodSandboxStats | null;
}

interface PodSandboxStatsFilter {
  readonly id: string;
  readonly label_selector: Readonly<Record<string, string>>;
}

interface PodSandboxStatsRequest {
  readonly pod_sandbox_id: string;
}

interface PodSandboxStatsResponse {
  readonly stats: PodSandboxStats | null;
}

interface PodSandboxStatus {
  readonly id: string;
  readonly metadata: PodSandboxMetadata | null;
  readonly state: number;
  readonly created_at: number;
  readonly network: PodSandboxNetworkStatus | null;
  readonly linux: LinuxPodSandboxStatus | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly runtime_handler: string;
}

interface PodSandboxStatusRequest {
  readonly pod_sandbox_id: string;
  readonly verbose: boolean;
}

interface PodSandboxStatusResponse {
  readonly status: PodSandboxStatus | null;
  readonly info: Readonly<Record<string, string>>;
  readonly containers_statuses: readonly ContainerStatus[];
  readonly timestamp: number;
}

interface PortForwardRequest {
  readonly pod_sandbox_id: string;
  readonly port: readonly number[];
}

interface PortForwardResponse {
  readonly url: string;
}

interface PortMapping {
  readonly protocol: number;
  readonly container_port: number;
  readonly host_port: number;
  readonly host_ip: string;
}

interface ProcessUsage {
  readonly timestamp: number;
  readonly process_count: UInt64Value | null;
}

interface PsiData {
  readonly Total: number;
  readonly Avg10: number;
  readonly Avg60: number;
  readonly Avg300: number;
}

interface PsiStats {
  readonly Full: PsiData | null;
  readonly Some: PsiData | null;
}

interface PullImageRequest {
  readonly image: ImageSpec | null;
  readonly auth: AuthConfig | null;
  readonly sandbox_config: PodSandboxConfig | null;
}

interface PullImageResponse {
  readonly image_ref: string;
}

interface RemoveContainerRequest {
  readonly container_id: string;
}

type RemoveContainerResponse = Readonly<Record<string, never>>;

interface RemoveImageRequest {
  readonly image: ImageSpec | null;
}

type RemoveImageResponse = Readonly<Record<string, never>>;

interface RemovePodSandboxRequest {
  readonly pod_sandbox_id: string;
}

type RemovePodSandboxResponse = Readonly<Record<string, never>>;

interface ReopenContainerLogRequest {
  readonly container_id: string;
}

type ReopenContainerLogResponse = Readonly<Record<string, never>>;

interface RestorePodRequest {
  readonly checkpoint_path: string;
  readonly config: PodSandboxConfig | null;
  readonly runtime_handler: string;
  readonly options: Readonly<Record<string, string>>;
  readonly container_configs: readonly ContainerConfig[];
}

interface RestorePodResponse {
  readonly pod_sandbox_id: string;
  readonly restored_containers: readonly RestoredContainer[];
}

interface RestoredContainer {
  readonly name: string;
  readonly container_id: string;
}

interface RunPodSandboxRequest {
  readonly config: PodSandboxConfig | null;
  readonly runtime_handler: string;
}

interface RunPodSandboxResponse {
  readonly pod_sandbox_id: string;
}

interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

interface RuntimeConfig {
  readonly network_config: NetworkConfig | null;
}

type RuntimeConfigRequest = Readonly<Record<string, never>>;

interface RuntimeConfigResponse {
  readonly linux: LinuxRuntimeConfiguration | null;
}

interface RuntimeFeatures {
  readonly supplemental_groups_policy: boolean;
  readonly user_namespaces_host_network: boolean;
  readonly mount_options: boolean;
}

interface RuntimeHandler {
  readonly name: string;
  readonly features: RuntimeHandlerFeatures | null;
}

interface RuntimeHandlerFeatures {
  readonly recursive_read_only_mounts: boolean;
  readonly user_namespaces: boolean;
}

interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
}

interface SELinuxOption {
  readonly user: string;
  readonly role: string;
  readonly type: string;
  readonly level: string;
}

interface SecurityProfile {
  readonly profile_type: number;
  readonly localhost_ref: string;
}

interface StartContainerRequest {
  readonly container_id: string;
}

type StartContainerResponse = Readonly<Record<string, never>>;

interface StatusRequest {
  readonly verbose: boolean;
}

interface StatusResponse {
  readonly status: RuntimeStatus | null;
  readonly info: Readonly<Record<string, string>>;
  readonly runtime_handlers: readonly RuntimeHandler[];
  readonly features: RuntimeFeatures | null;
}

interface StopContainerRequest {
  readonly container_id: string;
  readonly timeout: number;
}

type StopContainerResponse = Readonly<Record<string, never>>;

interface StopPodSandboxRequest {
  readonly pod_sandbox_id: string;
}

type StopPodSandboxResponse = Readonly<Record<string, never>>;

interface StreamContainerStatsRequest {
  readonly filter: ContainerStatsFilter | null;
}

interface StreamContainerStatsResponse {
  readonly container_stats: readonly ContainerStats[];
}

interface StreamContainersRequest {
  readonly filter: ContainerFilter | null;
}

interface StreamContainersResponse {
  readonly containers: readonly Container[];
}

interface StreamImagesRequest {
  readonly filter: ImageFilter | null;
}

interface StreamImagesResponse {
  readonly images: readonly Image[];
}

type StreamPodSandboxMetricsRequest = Readonly<Record<string, never>>;

interface StreamPodSandboxMetricsResponse {
  readonly pod_sandbox_metrics: readonly PodSandboxMetrics[];
}

interface StreamPodSandboxStatsRequest {
  readonly filter: PodSandboxStatsFilter | null;
}

interface StreamPodSandboxStatsResponse {
  readonly pod_sandbox_stats: readonly PodSandboxStats[];
}

interface StreamPodSandboxesRequest {
  readonly filter: PodSandboxFilter | null;
}

interface StreamPodSandboxesResponse {
  readonly pod_sandboxes: readonly PodSandbox[];
}

interface SwapUsage {
  readonly timestamp: number;
  readonly swap_available_bytes: UInt64Value | null;
  readonly swap_usage_bytes: UInt64Value | null;
}

interface UInt64Value {
  readonly value: number;
}

interface UpdateContainerResourcesRequest {
  readonly container_id: string;
  readonly linux: LinuxContainerResources | null;
  readonly windows: WindowsContainerResources | null;
  readonly annotations: Readonly<Record<string, string>>;
}

type UpdateContainerResourcesResponse = Readonly<Record<string, never>>;

interface UpdatePodSandboxResourcesRequest {
  readonly pod_sandbox_id: string;
  readonly overhead: LinuxContainerResources | null;
  readonly resources: LinuxContainerResources | null;
}

type UpdatePodSandboxResourcesResponse = Readonly<Record<string, never>>;

interface UpdateRuntimeConfigRequest {
  readonly runtime_config: RuntimeConfig | null;
}

type UpdateRuntimeConfigResponse = Readonly<Record<string, never>>;

interface UserNamespace {
  readonly mode: number;
  readonly uids: readonly IDMapping[];
  readonly gids: readonly IDMapping[];
}

interface VersionRequest {
  readonly version: string;
}

interface VersionResponse {
  readonly version: string;
  readonly runtime_name: string;
  readonly runtime_version: string;
  readonly runtime_api_version: string;
}

interface WindowsContainerConfig {
  readonly resources: WindowsContainerResources | null;
  readonly security_context: WindowsContainerSecurityContext | null;
}

interface WindowsContainerResources {
  readonly cpu_shares: number;
  readonly cpu_count: number;
  readonly cpu_maximum: number;
  readonly memory_limit_in_bytes: number;
  readonly rootfs_size_in_bytes: number;
  readonly affinity_cpus: readonly WindowsCpuGroupAffinity[];
}

interface WindowsContainerSecurityContext {
  readonly run_as_username: string;
  readonly credential_spec: string;
  readonly host_process: boolean;
}

interface WindowsContainerStats {
  readonly attributes: ContainerAttributes | null;
  readonly cpu: WindowsCpuUsage | null;
  readonly memory: WindowsMemoryUsage | null;
  readonly writable_layer: WindowsFilesystemUsage | null;
}

interface WindowsCpuGroupAffinity {
  readonly cpu_mask: number;
  readonly cpu_group: number;
}

interface WindowsCpuUsage {
  readonly timestamp: number;
  readonly usage_core_nano_seconds: UInt64Value | null;
  readonly usage_nano_cores: UInt64Value | null;
}

interface WindowsFilesystemUsage {
  readonly timestamp: number;
  readonly fs_id: FilesystemIdentifier | null;
  readonly used_bytes: UInt64Value | null;
}

interface WindowsMemoryUsage {
  readonly timestamp: number;
  readonly working_set_bytes: UInt64Value | null;
  readonly available_bytes: UInt64Value | null;
  readonly page_faults: UInt64Value | null;
  readonly commit_memory_bytes: UInt64Value | null;
}

interface WindowsNamespaceOption {
  readonly network: number;
}

interface WindowsNetworkInterfaceUsage {
  readonly name: string;
  readonly rx_bytes: UInt64Value | null;
  readonly rx_packets_dropped: UInt64Value | null;
  readonly tx_bytes: UInt64Value | null;
  readonly tx_packets_dropped: UInt64Value | null;
}

interface WindowsNetworkUsage {
  readonly timestamp: number;
  readonly default_interface: WindowsNetworkInterfaceUsage | null;
  readonly interfaces: readonly WindowsNetworkInterfaceUsage[];
}

interface WindowsPodSandboxConfig {
  readonly security_context: WindowsSandboxSecurityContext | null;
}

interface WindowsPodSandboxStats {
  readonly cpu: WindowsCpuUsage | null;
  readonly memory: WindowsMemoryUsage | null;
  readonly network: WindowsNetworkUsage | null;
  readonly process: WindowsProcessUsage | null;
  readonly containers: readonly WindowsContainerStats[];
}

interface WindowsProcessUsage {
  readonly timestamp: number;
  readonly process_count: UInt64Value | null;
}

interface WindowsSandboxSecurityContext {
  readonly run_as_username: string;
  readonly credential_spec: string;
  readonly host_process: boolean;
  readonly namespace_options: WindowsNamespaceOption | null;
}

/** Types of messages by their names. */
export interface Messages {
  readonly "runtime.v1.AttachRequest": AttachRequest;
  readonly "runtime.v1.AttachResponse": AttachResponse;
  readonly "runtime.v1.AuthConfig": AuthConfig;
  readonly "runtime.v1.CDIDevice": CDIDevice;
  readonly "runtime.v1.Capability": Capability;
  readonly "runtime.v1.CheckpointContainerRequest": CheckpointContainerRequest;
  readonly "runtime.v1.CheckpointContainerResponse": CheckpointContainerResponse;
  readonly "runtime.v1.CheckpointPodRequest": CheckpointPodRequest;
  readonly "runtime.v1.CheckpointPodResponse": CheckpointPodResponse;
  readonly "runtime.v1.Container": Container;
  readonly "runtime.v1.ContainerAttributes": ContainerAttributes;
  readonly "runtime.v1.ContainerConfig": ContainerConfig;
  readonly "runtime.v1.ContainerEventResponse": ContainerEventResponse;
  readonly "runtime.v1.ContainerFilter": ContainerFilter;
  readonly "runtime.v1.ContainerMetadata": ContainerMetadata;
  readonly "runtime.v1.ContainerMetrics": ContainerMetrics;
  readonly "runtime.v1.ContainerResources": ContainerResources;
  readonly "runtime.v1.ContainerStateValue": ContainerStateValue;
  readonly "runtime.v1.ContainerStats": ContainerStats;
  readonly "runtime.v1.ContainerStatsFilter": ContainerStatsFilter;
  readonly "runtime.v1.ContainerStatsRequest": ContainerStatsRequest;
  readonly "runtime.v1.ContainerStatsResponse": ContainerStatsResponse;
  readonly "runtime.v1.ContainerStatus": ContainerStatus;
  readonly "runtime.v1.ContainerStatusRequest": ContainerStatusRequest;
  readonly "runtime.v1.ContainerStatusResponse": ContainerStatusResponse;
  readonly "runtime.v1.ContainerUser": ContainerUser;
  readonly "runtime.v1.CpuUsage": CpuUsage;
  readonly "runtime.v1.CreateContainerRequest": CreateContainerRequest;
  readonly "runtime.v1.CreateContainerResponse": CreateContainerResponse;
  readonly "runtime.v1.DNSConfig": DNSConfig;
  readonly "runtime.v1.Device": Device;
  readonly "runtime.v1.ExecRequest": ExecRequest;
  readonly "runtime.v1.ExecResponse": ExecResponse;
  readonly "runtime.v1.ExecSyncRequest": ExecSyncRequest;
  readonly "runtime.v1.ExecSyncResponse": ExecSyncResponse;
  readonly "runtime.v1.FilesystemIdentifier": FilesystemIdentifier;
  readonly "runtime.v1.FilesystemUsage": FilesystemUsage;
  readonly "runtime.v1.GetEventsRequest": GetEventsRequest;
  readonly "runtime.v1.HugepageLimit": HugepageLimit;
  readonly "runtime.v1.IDMapping": IDMapping;
  readonly "runtime.v1.Image": Image;
  readonly "runtime.v1.ImageFilter": ImageFilter;
  readonly "runtime.v1.ImageFsInfoRequest": ImageFsInfoRequest;
  readonly "runtime.v1.ImageFsInfoResponse": ImageFsInfoResponse;
  readonly "runtime.v1.ImageSpec": ImageSpec;
  readonly "runtime.v1.ImageStatusRequest": ImageStatusRequest;
  readonly "runtime.v1.ImageStatusResponse": ImageStatusResponse;
  readonly "runtime.v1.Int64Value": Int64Value;
  readonly "runtime.v1.IoUsage": IoUsage;
  readonly "runtime.v1.KeyValue": KeyValue;
  readonly "runtime.v1.LinuxContainerConfig": LinuxContainerConfig;
  readonly "runtime.v1.LinuxContainerResources": LinuxContainerResources;
  readonly "runtime.v1.LinuxContainerSecurityContext": LinuxContainerSecurityContext;
  readonly "runtime.v1.LinuxContainerUser": LinuxContainerUser;
  readonly "runtime.v1.LinuxPodSandboxConfig": LinuxPodSandboxConfig;
  readonly "runtime.v1.LinuxPodSandboxStats": LinuxPodSandboxStats;
  readonly "runtime.v1.LinuxPodSandboxStatus": LinuxPodSandboxStatus;
  readonly "runtime.v1.LinuxRuntimeConfiguration": LinuxRuntimeConfiguration;
  readonly "runtime.v1.LinuxSandboxSecurityContext": LinuxSandboxSecurityContext;
  readonly "runtime.v1.ListContainerStatsRequest": ListContainerStatsRequest;
  readonly "runtime.v1.ListContainerStatsResponse": ListContainerStatsResponse;
  readonly "runtime.v1.ListContainersRequest": ListContainersRequest;
  readonly "runtime.v1.ListContainersResponse": ListContainersResponse;
  readonly "runtime.v1.ListImagesRequest": ListImagesRequest;
  readonly "runtime.v1.ListImagesResponse": ListImagesResponse;
  readonly "runtime.v1.ListMetricDescriptorsRequest": ListMetricDescriptorsRequest;
  readonly "runtime.v1.ListMetricDescriptorsResponse": ListMetricDescriptorsResponse;
  readonly "runtime.v1.ListPodSandboxMetricsRequest": ListPodSandboxMetricsRequest;
  readonly "runtime.v1.ListPodSandboxMetricsResponse": ListPodSandboxMetricsResponse;
  readonly "runtime.v1.ListPodSandboxRequest": ListPodSandboxRequest;
  readonly "runtime.v1.ListPodSandboxResponse": ListPodSandboxResponse;
  readonly "runtime.v1.ListPodSandboxStatsRequest": ListPodSandboxStatsRequest;
  readonly "runtime.v1.ListPodSandboxStatsResponse": ListPodSandboxStatsResponse;
  readonly "runtime.v1.MemoryUsage": MemoryUsage;
  readonly "runtime.v1.Metric": Metric;
  readonly "runtime.v1.MetricDescriptor": MetricDescriptor;
  readonly "runtime.v1.Mount": Mount;
  readonly "runtime.v1.Namespace": Namespace;
  readonly "runtime.v1.NamespaceOption": NamespaceOption;
  readonly "runtime.v1.NetworkConfig": NetworkConfig;
  readonly "runtime.v1.NetworkInterfaceUsage": NetworkInterfaceUsage;
  readonly "runtime.v1.NetworkUsage": NetworkUsage;
  readonly "runtime.v1.PodIP": PodIP;
  readonly "runtime.v1.PodSandbox": PodSandbox;
  readonly "runtime.v1.PodSandboxAttributes": PodSandboxAttributes;
  readonly "runtime.v1.PodSandboxConfig": PodSandboxConfig;
  readonly "runtime.v1.PodSandboxFilter": PodSandboxFilter;
  readonly "runtime.v1.PodSandboxMetadata": PodSandboxMetadata;
  readonly "runtime.v1.PodSandboxMetrics": PodSandboxMetrics;
  readonly "runtime.v1.PodSandboxNetworkStatus": PodSandboxNetworkStatus;
  readonly "runtime.v1.PodSandboxStateValue": PodSandboxStateValue;
  readonly "runtime.v1.PodSandboxStats": PodSandboxStats;
  readonly "runtime.v1.PodSandboxStatsFilter": PodSandboxStatsFilter;
  readonly "runtime.v1.PodSandboxStatsRequest": PodSandboxStatsRequest;
  readonly "runtime.v1.PodSandboxStatsResponse": PodSandboxStatsResponse;
  readonly "runtime.v1.PodSandboxStatus": PodSandboxStatus;
  readonly "runtime.v1.PodSandboxStatusRequest": PodSandboxStatusRequest;
  readonly "runtime.v1.PodSandboxStatusResponse": PodSandboxStatusResponse;
  readonly "runtime.v1.PortForwardRequest": PortForwardRequest;
  readonly "runtime.v1.PortForwardResponse": PortForwardResponse;
  readonly "runtime.v1.PortMapping": PortMapping;
  readonly "runtime.v1.ProcessUsage": ProcessUsage;
  readonly "runtime.v1.PsiData": PsiData;
  readonly "runtime.v1.PsiStats": PsiStats;
  readonly "runtime.v1.PullImageRequest": PullImageRequest;
  readonly "runtime.v1.PullImageResponse": PullImageResponse;
  readonly "runtime.v1.RemoveContainerRequest": RemoveContainerRequest;
  readonly "runtime.v1.RemoveContainerResponse": RemoveContainerResponse;
  readonly "runtime.v1.RemoveImageRequest": RemoveImageRequest;
  readonly "runtime.v1.RemoveImageResponse": RemoveImageResponse;
  readonly "runtime.v1.RemovePodSandboxRequest": RemovePodSandboxRequest;
  readonly "runtime.v1.RemovePodSandboxResponse": RemovePodSandboxResponse;
  readonly "runtime.v1.ReopenContainerLogRequest": ReopenContainerLogRequest;
  readonly "runtime.v1.ReopenContainerLogResponse": ReopenContainerLogResponse;
  readonly "runtime.v1.RestorePodRequest": RestorePodRequest;
  readonly "runtime.v1.RestorePodResponse": RestorePodResponse;
  readonly "runtime.v1.RestoredContainer": RestoredContainer;
  readonly "runtime.v1.RunPodSandboxRequest": RunPodSandboxRequest;
  readonly "runtime.v1.RunPodSandboxResponse": RunPodSandboxResponse;
  readonly "runtime.v1.RuntimeCondition": RuntimeCondition;
  readonly "runtime.v1.RuntimeConfig": RuntimeConfig;
  readonly "runtime.v1.RuntimeConfigRequest": RuntimeConfigRequest;
  readonly "runtime.v1.RuntimeConfigResponse": RuntimeConfigResponse;
  readonly "runtime.v1.RuntimeFeatures": RuntimeFeatures;
  readonly "runtime.v1.RuntimeHandler": RuntimeHandler;
  readonly "runtime.v1.RuntimeHandlerFeatures": RuntimeHandlerFeatures;
  readonly "runtime.v1.RuntimeStatus": RuntimeStatus;
  readonly "runtime.v1.SELinuxOption": SELinuxOption;
  readonly "runtime.v1.SecurityProfile": SecurityProfile;
  readonly "runtime.v1.StartContainerRequest": StartContainerRequest;
  readonly "runtime.v1.StartContainerResponse": StartContainerResponse;
  readonly "runtime.v1.StatusRequest": StatusRequest;
  readonly "runtime.v1.StatusResponse": StatusResponse;
  readonly "runtime.v1.StopContainerRequest": StopContainerRequest;
  readonly "runtime.v1.StopContainerResponse": StopContainerResponse;
  readonly "runtime.v1.StopPodSandboxRequest": StopPodSandboxRequest;
  readonly "runtime.v1.StopPodSandboxResponse": StopPodSandboxResponse;
  readonly "runtime.v1.StreamContainerStatsRequest": StreamContainerStatsRequest;
  readonly "runtime.v1.StreamContainerStatsResponse": StreamContainerStatsResponse;
  readonly "runtime.v1.StreamContainersRequest": StreamContainersRequest;
  readonly "runtime.v1.StreamContainersResponse": StreamContainersResponse;
  readonly "runtime.v1.StreamImagesRequest": StreamImagesRequest;
  readonly "runtime.v1.StreamImagesResponse": StreamImagesResponse;
  readonly "runtime.v1.StreamPodSandboxMetricsRequest": StreamPodSandboxMetricsRequest;
  readonly "runtime.v1.StreamPodSandboxMetricsResponse": StreamPodSandboxMetricsResponse;
  readonly "runtime.v1.StreamPodSandboxStatsRequest": StreamPodSandboxStatsRequest;
  readonly "runtime.v1.StreamPodSandboxStatsResponse": StreamPodSandboxStatsResponse;
  readonly "runtime.v1.StreamPodSandboxesRequest": StreamPodSandboxesRequest;
  readonly "runtime.v1.StreamPodSandboxesResponse": StreamPodSandboxesResponse;
  readonly "runtime.v1.SwapUsage": SwapUsage;
  readonly "runtime.v1.UInt64Value": UInt64Value;
  readonly "runtime.v1.UpdateContainerResourcesRequest": UpdateContainerResourcesRequest;
  readonly "runtime.v1.UpdateContainerResourcesResponse": UpdateContainerResourcesResponse;
  readonly "runtime.v1.UpdatePodSandboxResourcesRequest": UpdatePodSandboxResourcesRequest;
  readonly "runtime.v1.UpdatePodSandboxResourcesResponse": UpdatePodSandboxResourcesResponse;
  readonly "runtime.v1.UpdateRuntimeConfigRequest": UpdateRuntimeConfigRequest;
  readonly "runtime.v1.UpdateRuntimeConfigResponse": UpdateRuntimeConfigResponse;
  readonly "runtime.v1.UserNamespace": UserNamespace;
  readonly "runtime.v1.VersionRequest": VersionRequest;
  readonly "runtime.v1.VersionResponse": VersionResponse;
  readonly "runtime.v1.WindowsContainerConfig": WindowsContainerConfig;
  readonly "runtime.v1.WindowsContainerResources": WindowsContainerResources;
  readonly "runtime.v1.WindowsContainerSecurityContext": WindowsContainerSecurityContext;
  readonly "runtime.v1.WindowsContainerStats": WindowsContainerStats;
  readonly "runtime.v1.WindowsCpuGroupAffinity": WindowsCpuGroupAffinity;
  readonly "runtime.v1.WindowsCpuUsage": WindowsCpuUsage;
  readonly "runtime.v1.WindowsFilesystemUsage": WindowsFilesystemUsage;
  readonly "runtime.v1.WindowsMemoryUsage": WindowsMemoryUsage;
  readonly "runtime.v1.WindowsNamespaceOption": WindowsNamespaceOption;
  readonly "runtime.v1.WindowsNetworkInterfaceUsage": WindowsNetworkInterfaceUsage;
  readonly "runtime.v1.WindowsNetworkUsage": WindowsNetworkUsage;
  readonly "runtime.v1.WindowsPodSandboxConfig": WindowsPodSandboxConfig;
  readonly "runtime.v1.WindowsPodSandboxStats": WindowsPodSandboxStats;
  readonly "runtime.v1.WindowsProcessUsage": WindowsProcessUsage;
  readonly "runtime.v1.WindowsSandboxSecurityContext": WindowsSandboxSecurityContext;
}
