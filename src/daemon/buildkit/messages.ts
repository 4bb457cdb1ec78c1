// Written by scripts/grpc-messages.mjs from the descriptors of BuildKit's services.

import type { DescriptorJson } from "../../grpc/codec.ts";

/** Messages in the form of protobufjs' JSON. */
export const messageDescriptors = (): DescriptorJson => descriptors;

const descriptors = {
  nested: {
    errdefs: {
      nested: {
        Source: {
          fields: {
            info: { type: "pb.SourceInfo", id: 1 },
            ranges: { rule: "repeated", type: "pb.Range", id: 2 },
          },
        },
        Vertex: { fields: { digest: { type: "string", id: 1 } } },
      },
    },
    fsutil: {
      nested: {
        types: {
          nested: {
            Packet: {
              fields: {
                type: { type: "PacketType", id: 1 },
                stat: { type: "Stat", id: 2 },
                ID: { type: "uint32", id: 3 },
                data: { type: "bytes", id: 4 },
              },
              nested: {
                PacketType: {
                  values: { PACKET_STAT: 0, PACKET_REQ: 1, PACKET_DATA: 2, PACKET_FIN: 3, PACKET_ERR: 4 },
                },
              },
            },
            Stat: {
              fields: {
                path: { type: "string", id: 1 },
                mode: { type: "uint32", id: 2 },
                uid: { type: "uint32", id: 3 },
                gid: { type: "uint32", id: 4 },
                size: { type: "int64", id: 5 },
                modTime: { type: "int64", id: 6 },
                linkname: { type: "string", id: 7 },
                devmajor: { type: "int64", id: 8 },
                devminor: { type: "int64", id: 9 },
                xattrs: { keyType: "string", type: "bytes", id: 10 },
              },
            },
          },
        },
      },
    },
    google: {
      nested: {
        protobuf: {
          nested: {
            Any: { fields: { type_url: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
            Timestamp: { fields: { seconds: { type: "int64", id: 1 }, nanos: { type: "int32", id: 2 } } },
          },
        },
        rpc: {
          nested: {
            Status: {
              fields: {
                code: { type: "int32", id: 1 },
                message: { type: "string", id: 2 },
                details: { rule: "repeated", type: "google.protobuf.Any", id: 3 },
              },
            },
          },
        },
      },
    },
    moby: {
      nested: {
        buildkit: {
          nested: {
            secrets: {
              nested: {
                v1: {
                  nested: {
                    GetSecretRequest: {
                      fields: {
                        ID: { type: "string", id: 1 },
                        annotations: { keyType: "string", type: "string", id: 2 },
                      },
                    },
                    GetSecretResponse: { fields: { data: { type: "bytes", id: 1 } } },
                  },
                },
              },
            },
            v1: {
              nested: {
                BuildHistoryEvent: {
                  fields: {
                    type: { type: "BuildHistoryEventType", id: 1 },
                    record: { type: "BuildHistoryRecord", id: 2 },
                  },
                },
                BuildHistoryEventType: { values: { STARTED: 0, COMPLETE: 1, DELETED: 2 } },
                BuildHistoryRecord: {
                  fields: {
                    Ref: { type: "string", id: 1 },
                    Frontend: { type: "string", id: 2 },
                    FrontendAttrs: { keyType: "string", type: "string", id: 3 },
                    Exporters: { rule: "repeated", type: "Exporter", id: 4 },
                    error: { type: "google.rpc.Status", id: 5 },
                    CreatedAt: { type: "google.protobuf.Timestamp", id: 6 },
                    CompletedAt: { type: "google.protobuf.Timestamp", id: 7 },
                    logs: { type: "Descriptor", id: 8 },
                    ExporterResponse: { keyType: "string", type: "string", id: 9 },
                    Result: { type: "BuildResultInfo", id: 10 },
                    Results: { keyType: "string", type: "BuildResultInfo", id: 11 },
                    Generation: { type: "int32", id: 12 },
                    trace: { type: "Descriptor", id: 13 },
                    pinned: { type: "bool", id: 14 },
                    numCachedSteps: { type: "int32", id: 15 },
                    numTotalSteps: { type: "int32", id: 16 },
                    numCompletedSteps: { type: "int32", id: 17 },
                    externalError: { type: "Descriptor", id: 18 },
                    numWarnings: { type: "int32", id: 19 },
                  },
                },
                BuildHistoryRequest: {
                  fields: {
                    ActiveOnly: { type: "bool", id: 1 },
                    Ref: { type: "string", id: 2 },
                    EarlyExit: { type: "bool", id: 3 },
                    Filter: { rule: "repeated", type: "string", id: 4 },
                    Limit: { type: "int32", id: 5 },
                  },
                },
                BuildResultInfo: {
                  fields: {
                    ResultDeprecated: { type: "Descriptor", id: 1 },
                    Attestations: { rule: "repeated", type: "Descriptor", id: 2 },
                    Results: { keyType: "int64", type: "Descriptor", id: 3 },
                  },
                },
                BytesMessage: { fields: { data: { type: "bytes", id: 1 } } },
                CacheOptions: {
                  fields: {
                    ExportRefDeprecated: { type: "string", id: 1 },
                    ImportRefsDeprecated: { rule: "repeated", type: "string", id: 2 },
                    ExportAttrsDeprecated: { keyType: "string", type: "string", id: 3 },
                    Exports: { rule: "repeated", type: "CacheOptionsEntry", id: 4 },
                    Imports: { rule: "repeated", type: "CacheOptionsEntry", id: 5 },
                  },
                },
                CacheOptionsEntry: {
                  fields: {
                    Type: { type: "string", id: 1 },
                    Attrs: { keyType: "string", type: "string", id: 2 },
                  },
                },
                Descriptor: {
                  fields: {
                    media_type: { type: "string", id: 1 },
                    digest: { type: "string", id: 2 },
                    size: { type: "int64", id: 3 },
                    annotations: { keyType: "string", type: "string", id: 5 },
                  },
                },
                DiskUsageRequest: {
                  fields: {
                    filter: { rule: "repeated", type: "string", id: 1 },
                    ageLimit: { type: "int64", id: 2 },
                  },
                },
                DiskUsageResponse: { fields: { record: { rule: "repeated", type: "UsageRecord", id: 1 } } },
                Exporter: {
                  fields: {
                    Type: { type: "string", id: 1 },
                    Attrs: { keyType: "string", type: "string", id: 2 },
                  },
                },
                InfoRequest: { fields: {} },
                InfoResponse: {
                  fields: { buildkitVersion: { type: "moby.buildkit.v1.types.BuildkitVersion", id: 1 } },
                },
                ListWorkersRequest: { fields: { filter: { rule: "repeated", type: "string", id: 1 } } },
                ListWorkersResponse: {
                  fields: {
                    record: { rule: "repeated", type: "moby.buildkit.v1.types.WorkerRecord", id: 1 },
                  },
                },
                PruneRequest: {
                  fields: {
                    filter: { rule: "repeated", type: "string", id: 1 },
                    all: { type: "bool", id: 2 },
                    keepDuration: { type: "int64", id: 3 },
                    reservedSpace: { type: "int64", id: 4 },
                    maxUsedSpace: { type: "int64", id: 5 },
                    minFreeSpace: { type: "int64", id: 6 },
                  },
                },
                SolveRequest: {
                  fields: {
                    Ref: { type: "string", id: 1 },
                    Definition: { type: "pb.Definition", id: 2 },
                    ExporterDeprecated: { type: "string", id: 3 },
                    ExporterAttrsDeprecated: { keyType: "string", type: "string", id: 4 },
                    Session: { type: "string", id: 5 },
                    Frontend: { type: "string", id: 6 },
                    FrontendAttrs: { keyType: "string", type: "string", id: 7 },
                    Cache: { type: "CacheOptions", id: 8 },
                    Entitlements: { rule: "repeated", type: "string", id: 9 },
                    FrontendInputs: { keyType: "string", type: "pb.Definition", id: 10 },
                    Internal: { type: "bool", id: 11 },
                    SourcePolicy: { type: "moby.buildkit.v1.sourcepolicy.Policy", id: 12 },
                    Exporters: { rule: "repeated", type: "Exporter", id: 13 },
                    EnableSessionExporter: { type: "bool", id: 14 },
                    SourcePolicySession: { type: "string", id: 15 },
                    CompatibilityVersion: { type: "int64", id: 16 },
                    ProxyNetwork: { type: "bool", id: 17 },
                  },
                },
                SolveResponse: { fields: { ExporterResponse: { keyType: "string", type: "string", id: 1 } } },
                StatusRequest: { fields: { Ref: { type: "string", id: 1 } } },
                StatusResponse: {
                  fields: {
                    vertexes: { rule: "repeated", type: "Vertex", id: 1 },
                    statuses: { rule: "repeated", type: "VertexStatus", id: 2 },
                    logs: { rule: "repeated", type: "VertexLog", id: 3 },
                    warnings: { rule: "repeated", type: "VertexWarning", id: 4 },
                  },
                },
                UpdateBuildHistoryRequest: {
                  fields: {
                    Ref: { type: "string", id: 1 },
                    Pinned: { type: "bool", id: 2 },
                    Delete: { type: "bool", id: 3 },
                    Finalize: { type: "bool", id: 4 },
                  },
                },
                UpdateBuildHistoryResponse: { fields: {} },
                UsageRecord: {
                  fields: {
                    ID: { type: "string", id: 1 },
                    Mutable: { type: "bool", id: 2 },
                    InUse: { type: "bool", id: 3 },
                    Size: { type: "int64", id: 4 },
                    Parent: { type: "string", id: 5, options: { deprecated: true } },
                    CreatedAt: { type: "google.protobuf.Timestamp", id: 6 },
                    LastUsedAt: { type: "google.protobuf.Timestamp", id: 7 },
                    UsageCount: { type: "int64", id: 8 },
                    Description: { type: "string", id: 9 },
                    RecordType: { type: "string", id: 10 },
                    Shared: { type: "bool", id: 11 },
                    Parents: { rule: "repeated", type: "string", id: 12 },
                  },
                },
                Vertex: {
                  fields: {
                    digest: { type: "string", id: 1 },
                    inputs: { rule: "repeated", type: "string", id: 2 },
                    name: { type: "string", id: 3 },
                    cached: { type: "bool", id: 4 },
                    started: { type: "google.protobuf.Timestamp", id: 5 },
                    completed: { type: "google.protobuf.Timestamp", id: 6 },
                    error: { type: "string", id: 7 },
                    progressGroup: { type: "pb.ProgressGroup", id: 8 },
                  },
                },
                VertexLog: {
                  fields: {
                    vertex: { type: "string", id: 1 },
                    timestamp: { type: "google.protobuf.Timestamp", id: 2 },
                    stream: { type: "int64", id: 3 },
                    msg: { type: "bytes", id: 4 },
                  },
                },
                VertexStatus: {
                  fields: {
                    ID: { type: "string", id: 1 },
                    vertex: { type: "string", id: 2 },
                    name: { type: "string", id: 3 },
                    current: { type: "int64", id: 4 },
                    total: { type: "int64", id: 5 },
                    timestamp: { type: "google.protobuf.Timestamp", id: 6 },
                    started: { type: "google.protobuf.Timestamp", id: 7 },
                    completed: { type: "google.protobuf.Timestamp", id: 8 },
                  },
                },
                VertexWarning: {
                  fields: {
                    vertex: { type: "string", id: 1 },
                    level: { type: "int64", id: 2 },
                    short: { type: "bytes", id: 3 },
                    detail: { rule: "repeated", type: "bytes", id: 4 },
                    url: { type: "string", id: 5 },
                    info: { type: "pb.SourceInfo", id: 6 },
                    ranges: { rule: "repeated", type: "pb.Range", id: 7 },
                  },
                },
                apicaps: {
                  nested: {
                    APICap: {
                      fields: {
                        ID: { type: "string", id: 1 },
                        Enabled: { type: "bool", id: 2 },
                        Deprecated: { type: "bool", id: 3 },
                        DisabledReason: { type: "string", id: 4 },
                        DisabledReasonMsg: { type: "string", id: 5 },
                        DisabledAlternative: { type: "string", id: 6 },
                      },
                    },
                  },
                },
                frontend: {
                  nested: {
                    Attestation: {
                      fields: {
                        kind: { type: "AttestationKind", id: 1 },
                        metadata: { keyType: "string", type: "bytes", id: 2 },
                        ref: { type: "Ref", id: 3 },
                        path: { type: "string", id: 4 },
                        inTotoPredicateType: { type: "string", id: 5 },
                        inTotoSubjects: { rule: "repeated", type: "InTotoSubject", id: 6 },
                      },
                    },
                    AttestationChain: {
                      fields: {
                        Root: { type: "string", id: 1 },
                        ImageManifest: { type: "string", id: 2 },
                        AttestationManifest: { type: "string", id: 3 },
                        SignatureManifests: { rule: "repeated", type: "string", id: 4 },
                        Blobs: { keyType: "string", type: "Blob", id: 5 },
                      },
                    },
                    AttestationKind: { values: { InToto: 0, Bundle: 1 } },
                    Attestations: {
                      fields: { attestation: { rule: "repeated", type: "Attestation", id: 1 } },
                    },
                    Blob: {
                      fields: { descriptor: { type: "Descriptor", id: 1 }, data: { type: "bytes", id: 2 } },
                    },
                    CacheOptionsEntry: {
                      fields: {
                        Type: { type: "string", id: 1 },
                        Attrs: { keyType: "string", type: "string", id: 2 },
                      },
                    },
                    ChecksumRequest: {
                      fields: { Algo: { type: "ChecksumAlgo", id: 1 }, Suffix: { type: "bytes", id: 2 } },
                      nested: {
                        ChecksumAlgo: {
                          values: {
                            CHECKSUM_ALGO_SHA256: 0,
                            CHECKSUM_ALGO_SHA384: 1,
                            CHECKSUM_ALGO_SHA512: 2,
                          },
                        },
                      },
                    },
                    ChecksumResponse: {
                      fields: { Digest: { type: "string", id: 1 }, Suffix: { type: "bytes", id: 2 } },
                    },
                    Descriptor: {
                      fields: {
                        media_type: { type: "string", id: 1 },
                        digest: { type: "string", id: 2 },
                        size: { type: "int64", id: 3 },
                        annotations: { keyType: "string", type: "string", id: 5 },
                      },
                    },
                    EvaluateRequest: { fields: { Ref: { type: "string", id: 1 } } },
                    EvaluateResponse: { fields: {} },
                    FileRange: {
                      fields: { Offset: { type: "int64", id: 1 }, Length: { type: "int64", id: 2 } },
                    },
                    InTotoSubject: {
                      fields: {
                        kind: { type: "InTotoSubjectKind", id: 1 },
                        digest: { rule: "repeated", type: "string", id: 2 },
                        name: { type: "string", id: 3 },
                      },
                    },
                    InTotoSubjectKind: { values: { Self: 0, Raw: 1 } },
                    InputsRequest: { fields: {} },
                    InputsResponse: {
                      fields: { Definitions: { keyType: "string", type: "pb.Definition", id: 1 } },
                    },
                    PingRequest: { fields: {} },
                    PongResponse: {
                      fields: {
                        FrontendAPICaps: { rule: "repeated", type: "moby.buildkit.v1.apicaps.APICap", id: 1 },
                        LLBCaps: { rule: "repeated", type: "moby.buildkit.v1.apicaps.APICap", id: 2 },
                        Workers: { rule: "repeated", type: "moby.buildkit.v1.types.WorkerRecord", id: 3 },
                      },
                    },
                    ReadDirRequest: {
                      fields: {
                        Ref: { type: "string", id: 1 },
                        DirPath: { type: "string", id: 2 },
                        IncludePattern: { type: "string", id: 3 },
                        MountIndex: { type: "int32", id: 4 },
                      },
                    },
                    ReadDirResponse: {
                      fields: { entries: { rule: "repeated", type: "fsutil.types.Stat", id: 1 } },
                    },
                    ReadFileRequest: {
                      fields: {
                        Ref: { type: "string", id: 1 },
                        FilePath: { type: "string", id: 2 },
                        Range: { type: "FileRange", id: 3 },
                        MountIndex: { type: "int32", id: 4 },
                      },
                    },
                    ReadFileResponse: { fields: { Data: { type: "bytes", id: 1 } } },
                    Ref: { fields: { id: { type: "string", id: 1 }, def: { type: "pb.Definition", id: 2 } } },
                    RefMap: { fields: { refs: { keyType: "string", type: "Ref", id: 1 } } },
                    RefMapDeprecated: { fields: { refs: { keyType: "string", type: "string", id: 1 } } },
                    ResolveImageConfigRequest: {
                      fields: {
                        Ref: { type: "string", id: 1 },
                        Platform: { type: "pb.Platform", id: 2 },
                        ResolveMode: { type: "string", id: 3 },
                        LogName: { type: "string", id: 4 },
                        ResolverType: { type: "int32", id: 5 },
                        SessionID: { type: "string", id: 6 },
                        StoreID: { type: "string", id: 7 },
                        SourcePolicies: {
                          rule: "repeated",
                          type: "moby.buildkit.v1.sourcepolicy.Policy",
                          id: 8,
                        },
                      },
                    },
                    ResolveImageConfigResponse: {
                      fields: {
                        Digest: { type: "string", id: 1 },
                        Config: { type: "bytes", id: 2 },
                        Ref: { type: "string", id: 3 },
                      },
                    },
                    ResolveSourceGitRequest: { fields: { ReturnObject: { type: "bool", id: 1 } } },
                    ResolveSourceGitResponse: {
                      fields: {
                        Checksum: { type: "string", id: 1 },
                        Ref: { type: "string", id: 2 },
                        CommitChecksum: { type: "string", id: 3 },
                        CommitObject: { type: "bytes", id: 4 },
                        TagObject: { type: "bytes", id: 5 },
                      },
                    },
                    ResolveSourceHTTPRequest: {
                      fields: { ChecksumRequest: { type: "ChecksumRequest", id: 1 } },
                    },
                    ResolveSourceHTTPResponse: {
                      fields: {
                        Checksum: { type: "string", id: 1 },
                        Filename: { type: "string", id: 2 },
                        LastModified: { type: "google.protobuf.Timestamp", id: 3 },
                        ChecksumResponse: { type: "ChecksumResponse", id: 4 },
                      },
                    },
                    ResolveSourceImageRequest: {
                      fields: {
                        NoConfig: { type: "bool", id: 1 },
                        AttestationChain: { type: "bool", id: 2 },
                        ResolveAttestations: { rule: "repeated", type: "string", id: 3 },
                      },
                    },
                    ResolveSourceImageResponse: {
                      fields: {
                        Digest: { type: "string", id: 1 },
                        Config: { type: "bytes", id: 2 },
                        AttestationChain: { type: "AttestationChain", id: 3 },
                      },
                    },
                    ResolveSourceMetaRequest: {
                      fields: {
                        Source: { type: "pb.SourceOp", id: 1 },
                        Platform: { type: "pb.Platform", id: 2 },
                        LogName: { type: "string", id: 3 },
                        ResolveMode: { type: "string", id: 4 },
                        Git: { type: "ResolveSourceGitRequest", id: 5 },
                        Image: { type: "ResolveSourceImageRequest", id: 6 },
                        HTTP: { type: "ResolveSourceHTTPRequest", id: 7 },
                        SourcePolicies: {
                          rule: "repeated",
                          type: "moby.buildkit.v1.sourcepolicy.Policy",
                          id: 8,
                        },
                      },
                    },
                    ResolveSourceMetaResponse: {
                      fields: {
                        Source: { type: "pb.SourceOp", id: 1 },
                        Image: { type: "ResolveSourceImageResponse", id: 2 },
                        Git: { type: "ResolveSourceGitResponse", id: 3 },
                        HTTP: { type: "ResolveSourceHTTPResponse", id: 4 },
                      },
                    },
                    Result: {
                      oneofs: { result: { oneof: ["refDeprecated", "refsDeprecated", "ref", "refs"] } },
                      fields: {
                        refDeprecated: { type: "string", id: 1 },
                        refsDeprecated: { type: "RefMapDeprecated", id: 2 },
                        ref: { type: "Ref", id: 3 },
                        refs: { type: "RefMap", id: 4 },
                        metadata: { keyType: "string", type: "bytes", id: 10 },
                        attestations: { keyType: "string", type: "Attestations", id: 12 },
                      },
                    },
                    ReturnRequest: {
                      fields: {
                        result: { type: "Result", id: 1 },
                        error: { type: "google.rpc.Status", id: 2 },
                      },
                    },
                    ReturnResponse: { fields: {} },
                    SolveRequest: {
                      fields: {
                        Definition: { type: "pb.Definition", id: 1 },
                        Frontend: { type: "string", id: 2 },
                        FrontendOpt: { keyType: "string", type: "string", id: 3 },
                        allowResultReturn: { type: "bool", id: 5 },
                        allowResultArrayRef: { type: "bool", id: 6 },
                        Final: { type: "bool", id: 10 },
                        ExporterAttr: { type: "bytes", id: 11 },
                        CacheImports: { rule: "repeated", type: "CacheOptionsEntry", id: 12 },
                        FrontendInputs: { keyType: "string", type: "pb.Definition", id: 13 },
                        Evaluate: { type: "bool", id: 14 },
                        SourcePolicies: {
                          rule: "repeated",
                          type: "moby.buildkit.v1.sourcepolicy.Policy",
                          id: 15,
                        },
                      },
                    },
                    SolveResponse: {
                      fields: { ref: { type: "string", id: 1 }, result: { type: "Result", id: 3 } },
                    },
                    StatFileRequest: {
                      fields: {
                        Ref: { type: "string", id: 1 },
                        Path: { type: "string", id: 2 },
                        MountIndex: { type: "int32", id: 3 },
                      },
                    },
                    StatFileResponse: { fields: { stat: { type: "fsutil.types.Stat", id: 1 } } },
                    WarnRequest: {
                      fields: {
                        digest: { type: "string", id: 1 },
                        level: { type: "int64", id: 2 },
                        short: { type: "bytes", id: 3 },
                        detail: { rule: "repeated", type: "bytes", id: 4 },
                        url: { type: "string", id: 5 },
                        info: { type: "pb.SourceInfo", id: 6 },
                        ranges: { rule: "repeated", type: "pb.Range", id: 7 },
                      },
                    },
                    WarnResponse: { fields: {} },
                  },
                },
                sourcepolicy: {
                  nested: {
                    AttrConstraint: {
                      fields: {
                        key: { type: "string", id: 1 },
                        value: { type: "string", id: 2 },
                        condition: { type: "AttrMatch", id: 3 },
                      },
                    },
                    AttrMatch: { values: { EQUAL: 0, NOTEQUAL: 1, MATCHES: 2 } },
                    MatchType: { values: { WILDCARD: 0, EXACT: 1, REGEX: 2 } },
                    Policy: {
                      fields: {
                        version: { type: "int64", id: 1 },
                        rules: { rule: "repeated", type: "Rule", id: 2 },
                      },
                    },
                    PolicyAction: { values: { ALLOW: 0, DENY: 1, CONVERT: 2 } },
                    Rule: {
                      fields: {
                        action: { type: "PolicyAction", id: 1 },
                        selector: { type: "Selector", id: 2 },
                        updates: { type: "Update", id: 3 },
                      },
                    },
                    Selector: {
                      fields: {
                        identifier: { type: "string", id: 1 },
                        match_type: { type: "MatchType", id: 2 },
                        constraints: { rule: "repeated", type: "AttrConstraint", id: 3 },
                      },
                    },
                    Update: {
                      fields: {
                        identifier: { type: "string", id: 1 },
                        attrs: { keyType: "string", type: "string", id: 2 },
                      },
                    },
                  },
                },
                types: {
                  nested: {
                    BuildkitVersion: {
                      fields: {
                        package: { type: "string", id: 1 },
                        version: { type: "string", id: 2 },
                        revision: { type: "string", id: 3 },
                        dockerfileVersion: { type: "string", id: 4 },
                      },
                    },
                    CDIDevice: {
                      fields: {
                        Name: { type: "string", id: 1 },
                        AutoAllow: { type: "bool", id: 2 },
                        Annotations: { keyType: "string", type: "string", id: 3 },
                        OnDemand: { type: "bool", id: 4 },
                      },
                    },
                    GCPolicy: {
                      fields: {
                        all: { type: "bool", id: 1 },
                        keepDuration: { type: "int64", id: 2 },
                        filters: { rule: "repeated", type: "string", id: 4 },
                        reservedSpace: { type: "int64", id: 3 },
                        maxUsedSpace: { type: "int64", id: 5 },
                        minFreeSpace: { type: "int64", id: 6 },
                      },
                    },
                    WorkerRecord: {
                      fields: {
                        ID: { type: "string", id: 1 },
                        Labels: { keyType: "string", type: "string", id: 2 },
                        platforms: { rule: "repeated", type: "pb.Platform", id: 3 },
                        GCPolicy: { rule: "repeated", type: "GCPolicy", id: 4 },
                        BuildkitVersion: { type: "BuildkitVersion", id: 5 },
                        CDIDevices: { rule: "repeated", type: "CDIDevice", id: 6 },
                      },
                    },
                  },
                },
              },
            },
          },
        },
        filesync: {
          nested: {
            v1: {
              nested: {
                BytesMessage: { fields: { data: { type: "bytes", id: 1 } } },
                CredentialsRequest: { fields: { Host: { type: "string", id: 1 } } },
                CredentialsResponse: {
                  fields: { Username: { type: "string", id: 1 }, Secret: { type: "string", id: 2 } },
                },
                FetchTokenRequest: {
                  fields: {
                    ClientID: { type: "string", id: 1 },
                    Host: { type: "string", id: 2 },
                    Realm: { type: "string", id: 3 },
                    Service: { type: "string", id: 4 },
                    Scopes: { rule: "repeated", type: "string", id: 5 },
                  },
                },
                FetchTokenResponse: {
                  fields: {
                    Token: { type: "string", id: 1 },
                    ExpiresIn: { type: "int64", id: 2 },
                    IssuedAt: { type: "int64", id: 3 },
                  },
                },
              },
            },
          },
        },
        sshforward: {
          nested: {
            v1: {
              nested: {
                BytesMessage: { fields: { data: { type: "bytes", id: 1 } } },
                CheckAgentRequest: { fields: { ID: { type: "string", id: 1 } } },
                CheckAgentResponse: { fields: {} },
              },
            },
          },
        },
        upload: {
          nested: { v1: { nested: { BytesMessage: { fields: { data: { type: "bytes", id: 1 } } } } } },
        },
      },
    },
    pb: {
      nested: {
        BuildInput: { fields: { input: { type: "int64", id: 1 } } },
        BuildOp: {
          fields: {
            builder: { type: "int64", id: 1 },
            inputs: { keyType: "string", type: "BuildInput", id: 2 },
            def: { type: "Definition", id: 3 },
            attrs: { keyType: "string", type: "string", id: 4 },
          },
        },
        CDIDevice: { fields: { name: { type: "string", id: 1 }, optional: { type: "bool", id: 2 } } },
        CacheOpt: { fields: { ID: { type: "string", id: 1 }, sharing: { type: "CacheSharingOpt", id: 2 } } },
        CacheSharingOpt: { values: { SHARED: 0, PRIVATE: 1, LOCKED: 2 } },
        ChownOpt: { fields: { user: { type: "UserOpt", id: 1 }, group: { type: "UserOpt", id: 2 } } },
        Definition: {
          fields: {
            def: { rule: "repeated", type: "bytes", id: 1 },
            metadata: { keyType: "string", type: "OpMetadata", id: 2 },
            Source: { type: "Source", id: 3 },
          },
        },
        DiffOp: {
          fields: { lower: { type: "LowerDiffInput", id: 1 }, upper: { type: "UpperDiffInput", id: 2 } },
        },
        ExecOp: {
          fields: {
            meta: { type: "Meta", id: 1 },
            mounts: { rule: "repeated", type: "Mount", id: 2 },
            network: { type: "NetMode", id: 3 },
            security: { type: "SecurityMode", id: 4 },
            secretenv: { rule: "repeated", type: "SecretEnv", id: 5 },
            cdiDevices: { rule: "repeated", type: "CDIDevice", id: 6 },
          },
        },
        ExportCache: { fields: { Value: { type: "bool", id: 1 } } },
        FileAction: {
          oneofs: { action: { oneof: ["copy", "mkfile", "mkdir", "rm", "symlink"] } },
          fields: {
            input: { type: "int64", id: 1 },
            secondaryInput: { type: "int64", id: 2 },
            output: { type: "int64", id: 3 },
            copy: { type: "FileActionCopy", id: 4 },
            mkfile: { type: "FileActionMkFile", id: 5 },
            mkdir: { type: "FileActionMkDir", id: 6 },
            rm: { type: "FileActionRm", id: 7 },
            symlink: { type: "FileActionSymlink", id: 8 },
          },
        },
        FileActionCopy: {
          fields: {
            src: { type: "string", id: 1 },
            dest: { type: "string", id: 2 },
            owner: { type: "ChownOpt", id: 3 },
            mode: { type: "int32", id: 4 },
            followSymlink: { type: "bool", id: 5 },
            dirCopyContents: { type: "bool", id: 6 },
            attemptUnpackDockerCompatibility: { type: "bool", id: 7 },
            createDestPath: { type: "bool", id: 8 },
            allowWildcard: { type: "bool", id: 9 },
            allowEmptyWildcard: { type: "bool", id: 10 },
            timestamp: { type: "int64", id: 11 },
            include_patterns: { rule: "repeated", type: "string", id: 12 },
            exclude_patterns: { rule: "repeated", type: "string", id: 13 },
            alwaysReplaceExistingDestPaths: { type: "bool", id: 14 },
            modeStr: { type: "string", id: 15 },
            required_paths: { rule: "repeated", type: "string", id: 16 },
          },
        },
        FileActionMkDir: {
          fields: {
            path: { type: "string", id: 1 },
            mode: { type: "int32", id: 2 },
            makeParents: { type: "bool", id: 3 },
            owner: { type: "ChownOpt", id: 4 },
            timestamp: { type: "int64", id: 5 },
          },
        },
        FileActionMkFile: {
          fields: {
            path: { type: "string", id: 1 },
            mode: { type: "int32", id: 2 },
            data: { type: "bytes", id: 3 },
            owner: { type: "ChownOpt", id: 4 },
            timestamp: { type: "int64", id: 5 },
          },
        },
        FileActionRm: {
          fields: {
            path: { type: "string", id: 1 },
            allowNotFound: { type: "bool", id: 2 },
            allowWildcard: { type: "bool", id: 3 },
          },
        },
        FileActionSymlink: {
          fields: {
            oldpath: { type: "string", id: 1 },
            newpath: { type: "string", id: 2 },
            owner: { type: "ChownOpt", id: 3 },
            timestamp: { type: "int64", id: 4 },
          },
        },
        FileOp: { fields: { actions: { rule: "repeated", type: "FileAction", id: 2 } } },
        HostIP: { fields: { Host: { type: "string", id: 1 }, IP: { type: "string", id: 2 } } },
        Input: { fields: { digest: { type: "string", id: 1 }, index: { type: "int64", id: 2 } } },
        LinuxResources: {
          fields: {
            memory: { type: "int64", id: 1 },
            memorySwap: { type: "int64", id: 2 },
            cpuShares: { type: "uint64", id: 3 },
            cpuPeriod: { type: "uint64", id: 4 },
            cpuQuota: { type: "int64", id: 5 },
            cpusetCpus: { type: "string", id: 6 },
            cpusetMems: { type: "string", id: 7 },
          },
        },
        Location: {
          fields: {
            sourceIndex: { type: "int32", id: 1 },
            ranges: { rule: "repeated", type: "Range", id: 2 },
          },
        },
        Locations: { fields: { locations: { rule: "repeated", type: "Location", id: 1 } } },
        LowerDiffInput: { fields: { input: { type: "int64", id: 1 } } },
        MergeInput: { fields: { input: { type: "int64", id: 1 } } },
        MergeOp: { fields: { inputs: { rule: "repeated", type: "MergeInput", id: 1 } } },
        Meta: {
          fields: {
            args: { rule: "repeated", type: "string", id: 1 },
            env: { rule: "repeated", type: "string", id: 2 },
            cwd: { type: "string", id: 3 },
            user: { type: "string", id: 4 },
            proxy_env: { type: "ProxyEnv", id: 5 },
            extraHosts: { rule: "repeated", type: "HostIP", id: 6 },
            hostname: { type: "string", id: 7 },
            ulimit: { rule: "repeated", type: "Ulimit", id: 9 },
            cgroupParent: { type: "string", id: 10 },
            removeMountStubsRecursive: { type: "bool", id: 11 },
            validExitCodes: { rule: "repeated", type: "int32", id: 12 },
          },
        },
        Mount: {
          fields: {
            input: { type: "int64", id: 1 },
            selector: { type: "string", id: 2 },
            dest: { type: "string", id: 3 },
            output: { type: "int64", id: 4 },
            readonly: { type: "bool", id: 5 },
            mountType: { type: "MountType", id: 6 },
            TmpfsOpt: { type: "TmpfsOpt", id: 19 },
            cacheOpt: { type: "CacheOpt", id: 20 },
            secretOpt: { type: "SecretOpt", id: 21 },
            SSHOpt: { type: "SSHOpt", id: 22 },
            resultID: { type: "string", id: 23 },
            contentCache: { type: "MountContentCache", id: 24 },
          },
        },
        MountContentCache: { values: { DEFAULT: 0, ON: 1, OFF: 2 } },
        MountType: { values: { BIND: 0, SECRET: 1, SSH: 2, CACHE: 3, TMPFS: 4 } },
        NamedUserOpt: { fields: { name: { type: "string", id: 1 }, input: { type: "int64", id: 2 } } },
        NetMode: { values: { UNSET: 0, HOST: 1, NONE: 2 } },
        Op: {
          oneofs: { op: { oneof: ["exec", "source", "file", "build", "merge", "diff", "passthrough"] } },
          fields: {
            inputs: { rule: "repeated", type: "Input", id: 1 },
            exec: { type: "ExecOp", id: 2 },
            source: { type: "SourceOp", id: 3 },
            file: { type: "FileOp", id: 4 },
            build: { type: "BuildOp", id: 5 },
            merge: { type: "MergeOp", id: 6 },
            diff: { type: "DiffOp", id: 7 },
            passthrough: { type: "PassthroughOp", id: 8 },
            platform: { type: "Platform", id: 10 },
            constraints: { type: "WorkerConstraints", id: 11 },
          },
        },
        OpMetadata: {
          fields: {
            ignore_cache: { type: "bool", id: 1 },
            description: { keyType: "string", type: "string", id: 2 },
            export_cache: { type: "ExportCache", id: 4 },
            caps: { keyType: "string", type: "bool", id: 5 },
            progress_group: { type: "ProgressGroup", id: 6 },
            linux_resources: { type: "LinuxResources", id: 7 },
          },
        },
        PassthroughOp: {
          fields: { id: { type: "string", id: 1 }, outputs: { rule: "repeated", type: "int64", id: 2 } },
        },
        Platform: {
          fields: {
            Architecture: { type: "string", id: 1 },
            OS: { type: "string", id: 2 },
            Variant: { type: "string", id: 3 },
            OSVersion: { type: "string", id: 4 },
            OSFeatures: { rule: "repeated", type: "string", id: 5 },
          },
        },
        Position: { fields: { line: { type: "int32", id: 1 }, character: { type: "int32", id: 2 } } },
        ProgressGroup: {
          fields: {
            id: { type: "string", id: 1 },
            name: { type: "string", id: 2 },
            weak: { type: "bool", id: 3 },
          },
        },
        ProxyEnv: {
          fields: {
            http_proxy: { type: "string", id: 1 },
            https_proxy: { type: "string", id: 2 },
            ftp_proxy: { type: "string", id: 3 },
            no_proxy: { type: "string", id: 4 },
            all_proxy: { type: "string", id: 5 },
          },
        },
        Range: { fields: { start: { type: "Position", id: 1 }, end: { type: "Position", id: 2 } } },
        SSHOpt: {
          fields: {
            ID: { type: "string", id: 1 },
            uid: { type: "uint32", id: 2 },
            gid: { type: "uint32", id: 3 },
            mode: { type: "uint32", id: 4 },
            optional: { type: "bool", id: 5 },
          },
        },
        SecretEnv: {
          fields: {
            ID: { type: "string", id: 1 },
            name: { type: "string", id: 2 },
            optional: { type: "bool", id: 3 },
          },
        },
        SecretOpt: {
          fields: {
            ID: { type: "string", id: 1 },
            uid: { type: "uint32", id: 2 },
            gid: { type: "uint32", id: 3 },
            mode: { type: "uint32", id: 4 },
            optional: { type: "bool", id: 5 },
          },
        },
        SecurityMode: { values: { SANDBOX: 0, INSECURE: 1 } },
        Source: {
          fields: {
            locations: { keyType: "string", type: "Locations", id: 1 },
            infos: { rule: "repeated", type: "SourceInfo", id: 2 },
          },
        },
        SourceInfo: {
          fields: {
            filename: { type: "string", id: 1 },
            data: { type: "bytes", id: 2 },
            definition: { type: "Definition", id: 3 },
            language: { type: "string", id: 4 },
          },
        },
        SourceOp: {
          fields: {
            identifier: { type: "string", id: 1 },
            attrs: { keyType: "string", type: "string", id: 2 },
          },
        },
        TmpfsOpt: { fields: { size: { type: "int64", id: 1 } } },
        Ulimit: {
          fields: {
            Name: { type: "string", id: 1 },
            Soft: { type: "int64", id: 2 },
            Hard: { type: "int64", id: 3 },
          },
        },
        UpperDiffInput: { fields: { input: { type: "int64", id: 1 } } },
        UserOpt: {
          oneofs: { user: { oneof: ["byName", "byID"] } },
          fields: { byName: { type: "NamedUserOpt", id: 1 }, byID: { type: "uint32", id: 2 } },
        },
        WorkerConstraints: { fields: { filter: { rule: "repeated", type: "string", id: 1 } } },
      },
    },
  },
};

/** Of each method: the types of its requests and of its responses. */
export const methodTypes = {
  "moby.buildkit.v1.Control/DiskUsage": [
    "moby.buildkit.v1.DiskUsageRequest",
    "moby.buildkit.v1.DiskUsageResponse",
  ],
  "moby.buildkit.v1.Control/Prune": ["moby.buildkit.v1.PruneRequest", "moby.buildkit.v1.UsageRecord"],
  "moby.buildkit.v1.Control/Solve": ["moby.buildkit.v1.SolveRequest", "moby.buildkit.v1.SolveResponse"],
  "moby.buildkit.v1.Control/Status": ["moby.buildkit.v1.StatusRequest", "moby.buildkit.v1.StatusResponse"],
  "moby.buildkit.v1.Control/Session": ["moby.buildkit.v1.BytesMessage", "moby.buildkit.v1.BytesMessage"],
  "moby.buildkit.v1.Control/ListWorkers": [
    "moby.buildkit.v1.ListWorkersRequest",
    "moby.buildkit.v1.ListWorkersResponse",
  ],
  "moby.buildkit.v1.Control/Info": ["moby.buildkit.v1.InfoRequest", "moby.buildkit.v1.InfoResponse"],
  "moby.buildkit.v1.Control/ListenBuildHistory": [
    "moby.buildkit.v1.BuildHistoryRequest",
    "moby.buildkit.v1.BuildHistoryEvent",
  ],
  "moby.buildkit.v1.Control/UpdateBuildHistory": [
    "moby.buildkit.v1.UpdateBuildHistoryRequest",
    "moby.buildkit.v1.UpdateBuildHistoryResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/ResolveImageConfig": [
    "moby.buildkit.v1.frontend.ResolveImageConfigRequest",
    "moby.buildkit.v1.frontend.ResolveImageConfigResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/ResolveSourceMeta": [
    "moby.buildkit.v1.frontend.ResolveSourceMetaRequest",
    "moby.buildkit.v1.frontend.ResolveSourceMetaResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/Solve": [
    "moby.buildkit.v1.frontend.SolveRequest",
    "moby.buildkit.v1.frontend.SolveResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/ReadFile": [
    "moby.buildkit.v1.frontend.ReadFileRequest",
    "moby.buildkit.v1.frontend.ReadFileResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/ReadDir": [
    "moby.buildkit.v1.frontend.ReadDirRequest",
    "moby.buildkit.v1.frontend.ReadDirResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/StatFile": [
    "moby.buildkit.v1.frontend.StatFileRequest",
    "moby.buildkit.v1.frontend.StatFileResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/Evaluate": [
    "moby.buildkit.v1.frontend.EvaluateRequest",
    "moby.buildkit.v1.frontend.EvaluateResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/Ping": [
    "moby.buildkit.v1.frontend.PingRequest",
    "moby.buildkit.v1.frontend.PongResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/Return": [
    "moby.buildkit.v1.frontend.ReturnRequest",
    "moby.buildkit.v1.frontend.ReturnResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/Inputs": [
    "moby.buildkit.v1.frontend.InputsRequest",
    "moby.buildkit.v1.frontend.InputsResponse",
  ],
  "moby.buildkit.v1.frontend.LLBBridge/Warn": [
    "moby.buildkit.v1.frontend.WarnRequest",
    "moby.buildkit.v1.frontend.WarnResponse",
  ],
  "moby.buildkit.secrets.v1.Secrets/GetSecret": [
    "moby.buildkit.secrets.v1.GetSecretRequest",
    "moby.buildkit.secrets.v1.GetSecretResponse",
  ],
  "moby.filesync.v1.Auth/Credentials": [
    "moby.filesync.v1.CredentialsRequest",
    "moby.filesync.v1.CredentialsResponse",
  ],
  "moby.filesync.v1.Auth/FetchToken": [
    "moby.filesync.v1.FetchTokenRequest",
    "moby.filesync.v1.FetchTokenResponse",
  ],
  "moby.filesync.v1.FileSync/DiffCopy": ["fsutil.types.Packet", "fsutil.types.Packet"],
  "moby.filesync.v1.FileSend/DiffCopy": ["moby.filesync.v1.BytesMessage", "moby.filesync.v1.BytesMessage"],
  "moby.sshforward.v1.SSH/CheckAgent": [
    "moby.sshforward.v1.CheckAgentRequest",
    "moby.sshforward.v1.CheckAgentResponse",
  ],
  "moby.sshforward.v1.SSH/ForwardAgent": [
    "moby.sshforward.v1.BytesMessage",
    "moby.sshforward.v1.BytesMessage",
  ],
  "moby.upload.v1.Upload/Pull": ["moby.upload.v1.BytesMessage", "moby.upload.v1.BytesMessage"],
} as const;

interface ErrorSource {
  readonly info: PbSourceInfo | null;
  readonly ranges: readonly PbRange[];
}

interface ErrorVertex {
  readonly digest: string;
}

interface FilePacket {
  readonly type: number;
  readonly stat: FileStat | null;
  readonly ID: number;
  readonly data: Uint8Array;
}

interface FileStat {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modTime: number;
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
  readonly xattrs: Readonly<Record<string, Uint8Array>>;
}

interface Any {
  readonly type_url: string;
  readonly value: Uint8Array;
}

interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

interface GetSecretRequest {
  readonly ID: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface GetSecretResponse {
  readonly data: Uint8Array;
}

interface BuildHistoryEvent {
  readonly type: number;
  readonly record: BuildHistoryRecord | null;
}

interface BuildHistoryRecord {
  readonly Ref: string;
  readonly Frontend: string;
  readonly FrontendAttrs: Readonly<Record<string, string>>;
  readonly Exporters: readonly Exporter[];
  readonly error: RpcStatus | null;
  readonly CreatedAt: Timestamp | null;
  readonly CompletedAt: Timestamp | null;
  readonly logs: Descriptor | null;
  readonly ExporterResponse: Readonly<Record<string, string>>;
  readonly Result: BuildResultInfo | null;
  readonly Results: Readonly<Record<string, BuildResultInfo>>;
  readonly Generation: number;
  readonly trace: Descriptor | null;
  readonly pinned: boolean;
  readonly numCachedSteps: number;
  readonly numTotalSteps: number;
  readonly numCompletedSteps: number;
  readonly externalError: Descriptor | null;
  readonly numWarnings: number;
}

interface BuildHistoryRequest {
  readonly ActiveOnly: boolean;
  readonly Ref: string;
  readonly EarlyExit: boolean;
  readonly Filter: readonly string[];
  readonly Limit: number;
}

interface BuildResultInfo {
  readonly ResultDeprecated: Descriptor | null;
  readonly Attestations: readonly Descriptor[];
  readonly Results: Readonly<Record<string, Descriptor>>;
}

interface BytesMessage {
  readonly data: Uint8Array;
}

interface CacheOptions {
  readonly ExportRefDeprecated: string;
  readonly ImportRefsDeprecated: readonly string[];
  readonly ExportAttrsDeprecated: Readonly<Record<string, string>>;
  readonly Exports: readonly CacheOptionsEntry[];
  readonly Imports: readonly CacheOptionsEntry[];
}

interface CacheOptionsEntry {
  readonly Type: string;
  readonly Attrs: Readonly<Record<string, string>>;
}

interface Descriptor {
  readonly media_type: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

interface DiskUsageRequest {
  readonly filter: readonly string[];
  readonly ageLimit: number;
}

interface DiskUsageResponse {
  readonly record: readonly UsageRecord[];
}

interface Exporter {
  readonly Type: string;
  readonly Attrs: Readonly<Record<string, string>>;
}

type InfoRequest = Readonly<Record<string, never>>;

interface InfoResponse {
  readonly buildkitVersion: BuildkitVersion | null;
}

interface ListWorkersRequest {
  readonly filter: readonly string[];
}

interface ListWorkersResponse {
  readonly record: readonly WorkerRecord[];
}

interface PruneRequest {
  readonly filter: readonly string[];
  readonly all: boolean;
  readonly keepDuration: number;
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
  readonly minFreeSpace: number;
}

interface SolveRequest {
  readonly Ref: string;
  readonly Definition: PbDefinition | null;
  readonly ExporterDeprecated: string;
  readonly ExporterAttrsDeprecated: Readonly<Record<string, string>>;
  readonly Session: string;
  readonly Frontend: string;
  readonly FrontendAttrs: Readonly<Record<string, string>>;
  readonly Cache: CacheOptions | null;
  readonly Entitlements: readonly string[];
  readonly FrontendInputs: Readonly<Record<string, PbDefinition>>;
  readonly Internal: boolean;
  readonly SourcePolicy: PolicyPolicy | null;
  readonly Exporters: readonly Exporter[];
  readonly EnableSessionExporter: boolean;
  readonly SourcePolicySession: string;
  readonly CompatibilityVersion: number;
  readonly ProxyNetwork: boolean;
}

interface SolveResponse {
  readonly ExporterResponse: Readonly<Record<string, string>>;
}

interface StatusRequest {
  readonly Ref: string;
}

interface StatusResponse {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly VertexStatus[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly VertexWarning[];
}

interface UpdateBuildHistoryRequest {
  readonly Ref: string;
  readonly Pinned: boolean;
  readonly Delete: boolean;
  readonly Finalize: boolean;
}

type UpdateBuildHistoryResponse = Readonly<Record<string, never>>;

interface UsageRecord {
  readonly ID: string;
  readonly Mutable: boolean;
  readonly InUse: boolean;
  readonly Size: number;
  readonly Parent: string;
  readonly CreatedAt: Timestamp | null;
  readonly LastUsedAt: Timestamp | null;
  readonly UsageCount: number;
  readonly Description: string;
  readonly RecordType: string;
  readonly Shared: boolean;
  readonly Parents: readonly string[];
}

interface Vertex {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly name: string;
  readonly cached: boolean;
  readonly started: Timestamp | null;
  readonly completed: Timestamp | null;
  readonly error: string;
  readonly progressGroup: PbProgressGroup | null;
}

interface VertexLog {
  readonly vertex: string;
  readonly timestamp: Timestamp | null;
  readonly stream: number;
  readonly msg: Uint8Array;
}

interface VertexStatus {
  readonly ID: string;
  readonly vertex: string;
  readonly name: string;
  readonly current: number;
  readonly total: number;
  readonly timestamp: Timestamp | null;
  readonly started: Timestamp | null;
  readonly completed: Timestamp | null;
}

interface VertexWarning {
  readonly vertex: string;
  readonly level: number;
  readonly short: Uint8Array;
  readonly detail: readonly Uint8Array[];
  readonly url: string;
  readonly info: PbSourceInfo | null;
  readonly ranges: readonly PbRange[];
}

interface APICap {
  readonly ID: string;
  readonly Enabled: boolean;
  readonly Deprecated: boolean;
  readonly DisabledReason: string;
  readonly DisabledReasonMsg: string;
  readonly DisabledAlternative: string;
}

interface FrontendAttestation {
  readonly kind: number;
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  readonly ref: FrontendRef | null;
  readonly path: string;
  readonly inTotoPredicateType: string;
  readonly inTotoSubjects: readonly FrontendInTotoSubject[];
}

interface FrontendAttestationChain {
  readonly Root: string;
  readonly ImageManifest: string;
  readonly AttestationManifest: string;
  readonly SignatureManifests: readonly string[];
  readonly Blobs: Readonly<Record<string, FrontendBlob>>;
}

interface FrontendAttestations {
  readonly attestation: readonly FrontendAttestation[];
}

interface FrontendBlob {
  readonly descriptor: FrontendDescriptor | null;
  readonly data: Uint8Array;
}

interface FrontendCacheOptionsEntry {
  readonly Type: string;
  readonly Attrs: Readonly<Record<string, string>>;
}

interface FrontendChecksumRequest {
  readonly Algo: number;
  readonly Suffix: Uint8Array;
}

interface FrontendChecksumResponse {
  readonly Digest: string;
  readonly Suffix: Uint8Array;
}

interface FrontendDescriptor {
  readonly media_type: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

interface FrontendEvaluateRequest {
  readonly Ref: string;
}

type FrontendEvaluateResponse = Readonly<Record<string, never>>;

interface FrontendFileRange {
  readonly Offset: number;
  readonly Length: number;
}

interface FrontendInTotoSubject {
  readonly kind: number;
  readonly digest: readonly string[];
  readonly name: string;
}

type FrontendInputsRequest = Readonly<Record<string, never>>;

interface FrontendInputsResponse {
  readonly Definitions: Readonly<Record<string, PbDefinition>>;
}

type FrontendPingRequest = Readonly<Record<string, never>>;

interface FrontendPongResponse {
  readonly FrontendAPICaps: readonly APICap[];
  readonly LLBCaps: readonly APICap[];
  readonly Workers: readonly WorkerRecord[];
}

interface FrontendReadDirRequest {
  readonly Ref: string;
  readonly DirPath: string;
  readonly IncludePattern: string;
  readonly MountIndex: number;
}

interface FrontendReadDirResponse {
  readonly entries: readonly FileStat[];
}

interface FrontendReadFileRequest {
  readonly Ref: string;
  readonly FilePath: string;
  readonly Range: FrontendFileRange | null;
  readonly MountIndex: number;
}

interface FrontendReadFileResponse {
  readonly Data: Uint8Array;
}

interface FrontendRef {
  readonly id: string;
  readonly def: PbDefinition | null;
}

interface FrontendRefMap {
  readonly refs: Readonly<Record<string, FrontendRef>>;
}

interface FrontendRefMapDeprecated {
  readonly refs: Readonly<Record<string, string>>;
}

interface FrontendResolveImageConfigRequest {
  readonly Ref: string;
  readonly Platform: PbPlatform | null;
  readonly ResolveMode: string;
  readonly LogName: string;
  readonly ResolverType: number;
  readonly SessionID: string;
  readonly StoreID: string;
  readonly SourcePolicies: readonly PolicyPolicy[];
}

interface FrontendResolveImageConfigResponse {
  readonly Digest: string;
  readonly Config: Uint8Array;
  readonly Ref: string;
}

interface FrontendResolveSourceGitRequest {
  readonly ReturnObject: boolean;
}

interface FrontendResolveSourceGitResponse {
  readonly Checksum: string;
  readonly Ref: string;
  readonly CommitChecksum: string;
  readonly CommitObject: Uint8Array;
  readonly TagObject: Uint8Array;
}

interface FrontendResolveSourceHTTPRequest {
  readonly ChecksumRequest: FrontendChecksumRequest | null;
}

interface FrontendResolveSourceHTTPResponse {
  readonly Checksum: string;
  readonly Filename: string;
  readonly LastModified: Timestamp | null;
  readonly ChecksumResponse: FrontendChecksumResponse | null;
}

interface FrontendResolveSourceImageRequest {
  readonly NoConfig: boolean;
  readonly AttestationChain: boolean;
  readonly ResolveAttestations: readonly string[];
}

interface FrontendResolveSourceImageResponse {
  readonly Digest: string;
  readonly Config: Uint8Array;
  readonly AttestationChain: FrontendAttestationChain | null;
}

interface FrontendResolveSourceMetaRequest {
  readonly Source: PbSourceOp | null;
  readonly Platform: PbPlatform | null;
  readonly LogName: string;
  readonly ResolveMode: string;
  readonly Git: FrontendResolveSourceGitRequest | null;
  readonly Image: FrontendResolveSourceImageRequest | null;
  readonly HTTP: FrontendResolveSourceHTTPRequest | null;
  readonly SourcePolicies: readonly PolicyPolicy[];
}

interface FrontendResolveSourceMetaResponse {
  readonly Source: PbSourceOp | null;
  readonly Image: FrontendResolveSourceImageResponse | null;
  readonly Git: FrontendResolveSourceGitResponse | null;
  readonly HTTP: FrontendResolveSourceHTTPResponse | null;
}

interface FrontendResult {
  readonly refDeprecated?: string;
  readonly refsDeprecated?: FrontendRefMapDeprecated | null;
  readonly ref?: FrontendRef | null;
  readonly refs?: FrontendRefMap | null;
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  readonly attestations: Readonly<Record<string, FrontendAttestations>>;
}

interface FrontendReturnRequest {
  readonly result: FrontendResult | null;
  readonly error: RpcStatus | null;
}

type FrontendReturnResponse = Readonly<Record<string, never>>;

interface FrontendSolveRequest {
  readonly Definition: PbDefinition | null;
  readonly Frontend: string;
  readonly FrontendOpt: Readonly<Record<string, string>>;
  readonly allowResultReturn: boolean;
  readonly allowResultArrayRef: boolean;
  readonly Final: boolean;
  readonly ExporterAttr: Uint8Array;
  readonly CacheImports: readonly FrontendCacheOptionsEntry[];
  readonly FrontendInputs: Readonly<Record<string, PbDefinition>>;
  readonly Evaluate: boolean;
  readonly SourcePolicies: readonly PolicyPolicy[];
}

interface FrontendSolveResponse {
  readonly ref: string;
  readonly result: FrontendResult | null;
}

interface FrontendStatFileRequest {
  readonly Ref: string;
  readonly Path: string;
  readonly MountIndex: number;
}

interface FrontendStatFileResponse {
  readonly stat: FileStat | null;
}

interface FrontendWarnRequest {
  readonly digest: string;
  readonly level: number;
  readonly short: Uint8Array;
  readonly detail: readonly Uint8Array[];
  readonly url: string;
  readonly info: PbSourceInfo | null;
  readonly ranges: readonly PbRange[];
}

type FrontendWarnResponse = Readonly<Record<string, never>>;

interface PolicyAttrConstraint {
  readonly key: string;
  readonly value: string;
  readonly condition: number;
}

interface PolicyPolicy {
  readonly version: number;
  readonly rules: readonly PolicyRule[];
}

interface PolicyRule {
  readonly action: number;
  readonly selector: PolicySelector | null;
  readonly updates: PolicyUpdate | null;
}

interface PolicySelector {
  readonly identifier: string;
  readonly match_type: number;
  readonly constraints: readonly PolicyAttrConstraint[];
}

interface PolicyUpdate {
  readonly identifier: string;
  readonly attrs: Readonly<Record<string, string>>;
}

interface BuildkitVersion {
  readonly package: string;
  readonly version: string;
  readonly revision: string;
  readonly dockerfileVersion: string;
}

interface CDIDevice {
  readonly Name: string;
  readonly AutoAllow: boolean;
  readonly Annotations: Readonly<Record<string, string>>;
  readonly OnDemand: boolean;
}

interface GCPolicy {
  readonly all: boolean;
  readonly keepDuration: number;
  readonly filters: readonly string[];
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
  readonly minFreeSpace: number;
}

interface WorkerRecord {
  readonly ID: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly platforms: readonly PbPlatform[];
  readonly GCPolicy: readonly GCPolicy[];
  readonly BuildkitVersion: BuildkitVersion | null;
  readonly CDIDevices: readonly CDIDevice[];
}

interface FileSyncBytesMessage {
  readonly data: Uint8Array;
}

interface FileSyncCredentialsRequest {
  readonly Host: string;
}

interface FileSyncCredentialsResponse {
  readonly Username: string;
  readonly Secret: string;
}

interface FileSyncFetchTokenRequest {
  readonly ClientID: string;
  readonly Host: string;
  readonly Realm: string;
  readonly Service: string;
  readonly Scopes: readonly string[];
}

interface FileSyncFetchTokenResponse {
  readonly Token: string;
  readonly ExpiresIn: number;
  readonly IssuedAt: number;
}

interface SshBytesMessage {
  readonly data: Uint8Array;
}

interface SshCheckAgentRequest {
  readonly ID: string;
}

type SshCheckAgentResponse = Readonly<Record<string, never>>;

interface UploadBytesMessage {
  readonly data: Uint8Array;
}

interface PbBuildInput {
  readonly input: number;
}

interface PbBuildOp {
  readonly builder: number;
  readonly inputs: Readonly<Record<string, PbBuildInput>>;
  readonly def: PbDefinition | null;
  readonly attrs: Readonly<Record<string, string>>;
}

interface PbCDIDevice {
  readonly name: string;
  readonly optional: boolean;
}

interface PbCacheOpt {
  readonly ID: string;
  readonly sharing: number;
}

interface PbChownOpt {
  readonly user: PbUserOpt | null;
  readonly group: PbUserOpt | null;
}

interface PbDefinition {
  readonly def: readonly Uint8Array[];
  readonly metadata: Readonly<Record<string, PbOpMetadata>>;
  readonly Source: PbSource | null;
}

interface PbDiffOp {
  readonly lower: PbLowerDiffInput | null;
  readonly upper: PbUpperDiffInput | null;
}

interface PbExecOp {
  readonly meta: PbMeta | null;
  readonly mounts: readonly PbMount[];
  readonly network: number;
  readonly security: number;
  readonly secretenv: readonly PbSecretEnv[];
  readonly cdiDevices: readonly PbCDIDevice[];
}

interface PbExportCache {
  readonly Value: boolean;
}

interface PbFileAction {
  readonly input: number;
  readonly secondaryInput: number;
  readonly output: number;
  readonly copy?: PbFileActionCopy | null;
  readonly mkfile?: PbFileActionMkFile | null;
  readonly mkdir?: PbFileActionMkDir | null;
  readonly rm?: PbFileActionRm | null;
  readonly symlink?: PbFileActionSymlink | null;
}

interface PbFileActionCopy {
  readonly src: string;
  readonly dest: string;
  readonly owner: PbChownOpt | null;
  readonly mode: number;
  readonly followSymlink: boolean;
  readonly dirCopyContents: boolean;
  readonly attemptUnpackDockerCompatibility: boolean;
  readonly createDestPath: boolean;
  readonly allowWildcard: boolean;
  readonly allowEmptyWildcard: boolean;
  readonly timestamp: number;
  readonly include_patterns: readonly string[];
  readonly exclude_patterns: readonly string[];
  readonly alwaysReplaceExistingDestPaths: boolean;
  readonly modeStr: string;
  readonly required_paths: readonly string[];
}

interface PbFileActionMkDir {
  readonly path: string;
  readonly mode: number;
  readonly makeParents: boolean;
  readonly owner: PbChownOpt | null;
  readonly timestamp: number;
}

interface PbFileActionMkFile {
  readonly path: string;
  readonly mode: number;
  readonly data: Uint8Array;
  readonly owner: PbChownOpt | null;
  readonly timestamp: number;
}

interface PbFileActionRm {
  readonly path: string;
  readonly allowNotFound: boolean;
  readonly allowWildcard: boolean;
}

interface PbFileActionSymlink {
  readonly oldpath: string;
  readonly newpath: string;
  readonly owner: PbChownOpt | null;
  readonly timestamp: number;
}

interface PbFileOp {
  readonly actions: readonly PbFileAction[];
}

interface PbHostIP {
  readonly Host: string;
  readonly IP: string;
}

interface PbInput {
  readonly digest: string;
  readonly index: number;
}

interface PbLinuxResources {
  readonly memory: number;
  readonly memorySwap: number;
  readonly cpuShares: number;
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
}

interface PbLocation {
  readonly sourceIndex: number;
  readonly ranges: readonly PbRange[];
}

interface PbLocations {
  readonly locations: readonly PbLocation[];
}

interface PbLowerDiffInput {
  readonly input: number;
}

interface PbMergeInput {
  readonly input: number;
}

interface PbMergeOp {
  readonly inputs: readonly PbMergeInput[];
}

interface PbMeta {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly proxy_env: PbProxyEnv | null;
  readonly extraHosts: readonly PbHostIP[];
  readonly hostname: string;
  readonly ulimit: readonly PbUlimit[];
  readonly cgroupParent: string;
  readonly removeMountStubsRecursive: boolean;
  readonly validExitCodes: readonly number[];
}

interface PbMount {
  readonly input: number;
  readonly selector: string;
  readonly dest: string;
  readonly output: number;
  readonly readonly: boolean;
  readonly mountType: number;
  readonly TmpfsOpt: PbTmpfsOpt | null;
  readonly cacheOpt: PbCacheOpt | null;
  readonly secretOpt: PbSecretOpt | null;
  readonly SSHOpt: PbSSHOpt | null;
  readonly resultID: string;
  readonly contentCache: number;
}

interface PbNamedUserOpt {
  readonly name: string;
  readonly input: number;
}

interface PbOp {
  readonly inputs: readonly PbInput[];
  readonly exec?: PbExecOp | null;
  readonly source?: PbSourceOp | null;
  readonly file?: PbFileOp | null;
  readonly build?: PbBuildOp | null;
  readonly merge?: PbMergeOp | null;
  readonly diff?: PbDiffOp | null;
  readonly passthrough?: PbPassthroughOp | null;
  readonly platform: PbPlatform | null;
  readonly constraints: PbWorkerConstraints | null;
}

interface PbOpMetadata {
  readonly ignore_cache: boolean;
  readonly description: Readonly<Record<string, string>>;
  readonly export_cache: PbExportCache | null;
  readonly caps: Readonly<Record<string, boolean>>;
  readonly progress_group: PbProgressGroup | null;
  readonly linux_resources: PbLinuxResources | null;
}

interface PbPassthroughOp {
  readonly id: string;
  readonly outputs: readonly number[];
}

interface PbPlatform {
  readonly Architecture: string;
  readonly OS: string;
  readonly Variant: string;
  readonly OSVersion: string;
  readonly OSFeatures: readonly string[];
}

interface PbPosition {
  readonly line: number;
  readonly character: number;
}

interface PbProgressGroup {
  readonly id: string;
  readonly name: string;
  readonly weak: boolean;
}

interface PbProxyEnv {
  readonly http_proxy: string;
  readonly https_proxy: string;
  readonly ftp_proxy: string;
  readonly no_proxy: string;
  readonly all_proxy: string;
}

interface PbRange {
  readonly start: PbPosition | null;
  readonly end: PbPosition | null;
}

interface PbSSHOpt {
  readonly ID: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly optional: boolean;
}

interface PbSecretEnv {
  readonly ID: string;
  readonly name: string;
  readonly optional: boolean;
}

interface PbSecretOpt {
  readonly ID: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly optional: boolean;
}

interface PbSource {
  readonly locations: Readonly<Record<string, PbLocations>>;
  readonly infos: readonly PbSourceInfo[];
}

interface PbSourceInfo {
  readonly filename: string;
  readonly data: Uint8Array;
  readonly definition: PbDefinition | null;
  readonly language: string;
}

interface PbSourceOp {
  readonly identifier: string;
  readonly attrs: Readonly<Record<string, string>>;
}

interface PbTmpfsOpt {
  readonly size: number;
}

interface PbUlimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

interface PbUpperDiffInput {
  readonly input: number;
}

interface PbUserOpt {
  readonly byName?: PbNamedUserOpt | null;
  readonly byID?: number;
}

interface PbWorkerConstraints {
  readonly filter: readonly string[];
}

/** Types of messages by their names. */
export interface Messages {
  readonly "errdefs.Source": ErrorSource;
  readonly "errdefs.Vertex": ErrorVertex;
  readonly "fsutil.types.Packet": FilePacket;
  readonly "fsutil.types.Stat": FileStat;
  readonly "google.protobuf.Any": Any;
  readonly "google.protobuf.Timestamp": Timestamp;
  readonly "google.rpc.Status": RpcStatus;
  readonly "moby.buildkit.secrets.v1.GetSecretRequest": GetSecretRequest;
  readonly "moby.buildkit.secrets.v1.GetSecretResponse": GetSecretResponse;
  readonly "moby.buildkit.v1.BuildHistoryEvent": BuildHistoryEvent;
  readonly "moby.buildkit.v1.BuildHistoryRecord": BuildHistoryRecord;
  readonly "moby.buildkit.v1.BuildHistoryRequest": BuildHistoryRequest;
  readonly "moby.buildkit.v1.BuildResultInfo": BuildResultInfo;
  readonly "moby.buildkit.v1.BytesMessage": BytesMessage;
  readonly "moby.buildkit.v1.CacheOptions": CacheOptions;
  readonly "moby.buildkit.v1.CacheOptionsEntry": CacheOptionsEntry;
  readonly "moby.buildkit.v1.Descriptor": Descriptor;
  readonly "moby.buildkit.v1.DiskUsageRequest": DiskUsageRequest;
  readonly "moby.buildkit.v1.DiskUsageResponse": DiskUsageResponse;
  readonly "moby.buildkit.v1.Exporter": Exporter;
  readonly "moby.buildkit.v1.InfoRequest": InfoRequest;
  readonly "moby.buildkit.v1.InfoResponse": InfoResponse;
  readonly "moby.buildkit.v1.ListWorkersRequest": ListWorkersRequest;
  readonly "moby.buildkit.v1.ListWorkersResponse": ListWorkersResponse;
  readonly "moby.buildkit.v1.PruneRequest": PruneRequest;
  readonly "moby.buildkit.v1.SolveRequest": SolveRequest;
  readonly "moby.buildkit.v1.SolveResponse": SolveResponse;
  readonly "moby.buildkit.v1.StatusRequest": StatusRequest;
  readonly "moby.buildkit.v1.StatusResponse": StatusResponse;
  readonly "moby.buildkit.v1.UpdateBuildHistoryRequest": UpdateBuildHistoryRequest;
  readonly "moby.buildkit.v1.UpdateBuildHistoryResponse": UpdateBuildHistoryResponse;
  readonly "moby.buildkit.v1.UsageRecord": UsageRecord;
  readonly "moby.buildkit.v1.Vertex": Vertex;
  readonly "moby.buildkit.v1.VertexLog": VertexLog;
  readonly "moby.buildkit.v1.VertexStatus": VertexStatus;
  readonly "moby.buildkit.v1.VertexWarning": VertexWarning;
  readonly "moby.buildkit.v1.apicaps.APICap": APICap;
  readonly "moby.buildkit.v1.frontend.Attestation": FrontendAttestation;
  readonly "moby.buildkit.v1.frontend.AttestationChain": FrontendAttestationChain;
  readonly "moby.buildkit.v1.frontend.Attestations": FrontendAttestations;
  readonly "moby.buildkit.v1.frontend.Blob": FrontendBlob;
  readonly "moby.buildkit.v1.frontend.CacheOptionsEntry": FrontendCacheOptionsEntry;
  readonly "moby.buildkit.v1.frontend.ChecksumRequest": FrontendChecksumRequest;
  readonly "moby.buildkit.v1.frontend.ChecksumResponse": FrontendChecksumResponse;
  readonly "moby.buildkit.v1.frontend.Descriptor": FrontendDescriptor;
  readonly "moby.buildkit.v1.frontend.EvaluateRequest": FrontendEvaluateRequest;
  readonly "moby.buildkit.v1.frontend.EvaluateResponse": FrontendEvaluateResponse;
  readonly "moby.buildkit.v1.frontend.FileRange": FrontendFileRange;
  readonly "moby.buildkit.v1.frontend.InTotoSubject": FrontendInTotoSubject;
  readonly "moby.buildkit.v1.frontend.InputsRequest": FrontendInputsRequest;
  readonly "moby.buildkit.v1.frontend.InputsResponse": FrontendInputsResponse;
  readonly "moby.buildkit.v1.frontend.PingRequest": FrontendPingRequest;
  readonly "moby.buildkit.v1.frontend.PongResponse": FrontendPongResponse;
  readonly "moby.buildkit.v1.frontend.ReadDirRequest": FrontendReadDirRequest;
  readonly "moby.buildkit.v1.frontend.ReadDirResponse": FrontendReadDirResponse;
  readonly "moby.buildkit.v1.frontend.ReadFileRequest": FrontendReadFileRequest;
  readonly "moby.buildkit.v1.frontend.ReadFileResponse": FrontendReadFileResponse;
  readonly "moby.buildkit.v1.frontend.Ref": FrontendRef;
  readonly "moby.buildkit.v1.frontend.RefMap": FrontendRefMap;
  readonly "moby.buildkit.v1.frontend.RefMapDeprecated": FrontendRefMapDeprecated;
  readonly "moby.buildkit.v1.frontend.ResolveImageConfigRequest": FrontendResolveImageConfigRequest;
  readonly "moby.buildkit.v1.frontend.ResolveImageConfigResponse": FrontendResolveImageConfigResponse;
  readonly "moby.buildkit.v1.frontend.ResolveSourceGitRequest": FrontendResolveSourceGitRequest;
  readonly "moby.buildkit.v1.frontend.ResolveSourceGitResponse": FrontendResolveSourceGitResponse;
  readonly "moby.buildkit.v1.frontend.ResolveSourceHTTPRequest": FrontendResolveSourceHTTPRequest;
  readonly "moby.buildkit.v1.frontend.ResolveSourceHTTPResponse": FrontendResolveSourceHTTPResponse;
  readonly "moby.buildkit.v1.frontend.ResolveSourceImageRequest": FrontendResolveSourceImageRequest;
  readonly "moby.buildkit.v1.frontend.ResolveSourceImageResponse": FrontendResolveSourceImageResponse;
  readonly "moby.buildkit.v1.frontend.ResolveSourceMetaRequest": FrontendResolveSourceMetaRequest;
  readonly "moby.buildkit.v1.frontend.ResolveSourceMetaResponse": FrontendResolveSourceMetaResponse;
  readonly "moby.buildkit.v1.frontend.Result": FrontendResult;
  readonly "moby.buildkit.v1.frontend.ReturnRequest": FrontendReturnRequest;
  readonly "moby.buildkit.v1.frontend.ReturnResponse": FrontendReturnResponse;
  readonly "moby.buildkit.v1.frontend.SolveRequest": FrontendSolveRequest;
  readonly "moby.buildkit.v1.frontend.SolveResponse": FrontendSolveResponse;
  readonly "moby.buildkit.v1.frontend.StatFileRequest": FrontendStatFileRequest;
  readonly "moby.buildkit.v1.frontend.StatFileResponse": FrontendStatFileResponse;
  readonly "moby.buildkit.v1.frontend.WarnRequest": FrontendWarnRequest;
  readonly "moby.buildkit.v1.frontend.WarnResponse": FrontendWarnResponse;
  readonly "moby.buildkit.v1.sourcepolicy.AttrConstraint": PolicyAttrConstraint;
  readonly "moby.buildkit.v1.sourcepolicy.Policy": PolicyPolicy;
  readonly "moby.buildkit.v1.sourcepolicy.Rule": PolicyRule;
  readonly "moby.buildkit.v1.sourcepolicy.Selector": PolicySelector;
  readonly "moby.buildkit.v1.sourcepolicy.Update": PolicyUpdate;
  readonly "moby.buildkit.v1.types.BuildkitVersion": BuildkitVersion;
  readonly "moby.buildkit.v1.types.CDIDevice": CDIDevice;
  readonly "moby.buildkit.v1.types.GCPolicy": GCPolicy;
  readonly "moby.buildkit.v1.types.WorkerRecord": WorkerRecord;
  readonly "moby.filesync.v1.BytesMessage": FileSyncBytesMessage;
  readonly "moby.filesync.v1.CredentialsRequest": FileSyncCredentialsRequest;
  readonly "moby.filesync.v1.CredentialsResponse": FileSyncCredentialsResponse;
  readonly "moby.filesync.v1.FetchTokenRequest": FileSyncFetchTokenRequest;
  readonly "moby.filesync.v1.FetchTokenResponse": FileSyncFetchTokenResponse;
  readonly "moby.sshforward.v1.BytesMessage": SshBytesMessage;
  readonly "moby.sshforward.v1.CheckAgentRequest": SshCheckAgentRequest;
  readonly "moby.sshforward.v1.CheckAgentResponse": SshCheckAgentResponse;
  readonly "moby.upload.v1.BytesMessage": UploadBytesMessage;
  readonly "pb.BuildInput": PbBuildInput;
  readonly "pb.BuildOp": PbBuildOp;
  readonly "pb.CDIDevice": PbCDIDevice;
  readonly "pb.CacheOpt": PbCacheOpt;
  readonly "pb.ChownOpt": PbChownOpt;
  readonly "pb.Definition": PbDefinition;
  readonly "pb.DiffOp": PbDiffOp;
  readonly "pb.ExecOp": PbExecOp;
  readonly "pb.ExportCache": PbExportCache;
  readonly "pb.FileAction": PbFileAction;
  readonly "pb.FileActionCopy": PbFileActionCopy;
  readonly "pb.FileActionMkDir": PbFileActionMkDir;
  readonly "pb.FileActionMkFile": PbFileActionMkFile;
  readonly "pb.FileActionRm": PbFileActionRm;
  readonly "pb.FileActionSymlink": PbFileActionSymlink;
  readonly "pb.FileOp": PbFileOp;
  readonly "pb.HostIP": PbHostIP;
  readonly "pb.Input": PbInput;
  readonly "pb.LinuxResources": PbLinuxResources;
  readonly "pb.Location": PbLocation;
  readonly "pb.Locations": PbLocations;
  readonly "pb.LowerDiffInput": PbLowerDiffInput;
  readonly "pb.MergeInput": PbMergeInput;
  readonly "pb.MergeOp": PbMergeOp;
  readonly "pb.Meta": PbMeta;
  readonly "pb.Mount": PbMount;
  readonly "pb.NamedUserOpt": PbNamedUserOpt;
  readonly "pb.Op": PbOp;
  readonly "pb.OpMetadata": PbOpMetadata;
  readonly "pb.PassthroughOp": PbPassthroughOp;
  readonly "pb.Platform": PbPlatform;
  readonly "pb.Position": PbPosition;
  readonly "pb.ProgressGroup": PbProgressGroup;
  readonly "pb.ProxyEnv": PbProxyEnv;
  readonly "pb.Range": PbRange;
  readonly "pb.SSHOpt": PbSSHOpt;
  readonly "pb.SecretEnv": PbSecretEnv;
  readonly "pb.SecretOpt": PbSecretOpt;
  readonly "pb.Source": PbSource;
  readonly "pb.SourceInfo": PbSourceInfo;
  readonly "pb.SourceOp": PbSourceOp;
  readonly "pb.TmpfsOpt": PbTmpfsOpt;
  readonly "pb.Ulimit": PbUlimit;
  readonly "pb.UpperDiffInput": PbUpperDiffInput;
  readonly "pb.UserOpt": PbUserOpt;
  readonly "pb.WorkerConstraints": PbWorkerConstraints;
}
