// Generated from proto/ by `npm run proto`. Do not edit.
import type * as $protobuf from "protobufjs/minimal.js";

/** Namespace flotilla. */
export declare namespace flotilla {

    /** Namespace raft. */
    namespace raft {

        /** Role enum. */
        enum Role {

            /** VOTER value */
            VOTER = 0,

            /** LEARNER value */
            LEARNER = 1,

            /** WITNESS value */
            WITNESS = 2
        }

        /**
         * Properties of a Member.
         * @deprecated Use flotilla.raft.Member.$Properties instead.
         */
        interface IMember extends flotilla.raft.Member.$Properties {
        }

        /** Represents a Member. */
        class Member {

            /**
             * Constructs a new Member.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.Member.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Member storeId. */
            storeId: string;

            /** Member replica. */
            replica: number;

            /** Member role. */
            role: flotilla.raft.Role;

            /** Member priority. */
            priority: number;

            /**
             * Encodes the specified Member message. Does not implicitly {@link flotilla.raft.Member.verify|verify} messages.
             * @param message Member message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.Member.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Member message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.Member & flotilla.raft.Member.$Shape} Member
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.Member & flotilla.raft.Member.$Shape;
        }

        namespace Member {

            /** Properties of a Member. */
            interface $Properties {

                /** Member storeId */
                storeId?: (string|null);

                /** Member replica */
                replica?: (number|null);

                /** Member role */
                role?: (flotilla.raft.Role|null);

                /** Member priority */
                priority?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Member. */
            type $Shape = flotilla.raft.Member.$Properties;
        }

        /**
         * Properties of a Configuration.
         * @deprecated Use flotilla.raft.Configuration.$Properties instead.
         */
        interface IConfiguration extends flotilla.raft.Configuration.$Properties {
        }

        /** Represents a Configuration. */
        class Configuration {

            /**
             * Constructs a new Configuration.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.Configuration.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Configuration members. */
            members: flotilla.raft.Member.$Properties[];

            /** Configuration nextReplica. */
            nextReplica: number;

            /**
             * Encodes the specified Configuration message. Does not implicitly {@link flotilla.raft.Configuration.verify|verify} messages.
             * @param message Configuration message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.Configuration.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Configuration message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.Configuration & flotilla.raft.Configuration.$Shape} Configuration
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.Configuration & flotilla.raft.Configuration.$Shape;
        }

        namespace Configuration {

            /** Properties of a Configuration. */
            interface $Properties {

                /** Configuration members */
                members?: (flotilla.raft.Member.$Properties[]|null);

                /** Configuration nextReplica */
                nextReplica?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Configuration. */
            type $Shape = flotilla.raft.Configuration.$Properties;
        }

        /**
         * Properties of a ConfigurationEntry.
         * @deprecated Use flotilla.raft.ConfigurationEntry.$Properties instead.
         */
        interface IConfigurationEntry extends flotilla.raft.ConfigurationEntry.$Properties {
        }

        /** Represents a ConfigurationEntry. */
        class ConfigurationEntry {

            /**
             * Constructs a new ConfigurationEntry.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.ConfigurationEntry.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ConfigurationEntry configuration. */
            configuration?: (flotilla.raft.Configuration.$Properties|null);

            /** ConfigurationEntry oldConfiguration. */
            oldConfiguration?: (flotilla.raft.Configuration.$Properties|null);

            /**
             * Encodes the specified ConfigurationEntry message. Does not implicitly {@link flotilla.raft.ConfigurationEntry.verify|verify} messages.
             * @param message ConfigurationEntry message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.ConfigurationEntry.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ConfigurationEntry message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.ConfigurationEntry & flotilla.raft.ConfigurationEntry.$Shape} ConfigurationEntry
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.ConfigurationEntry & flotilla.raft.ConfigurationEntry.$Shape;
        }

        namespace ConfigurationEntry {

            /** Properties of a ConfigurationEntry. */
            interface $Properties {

                /** ConfigurationEntry configuration */
                configuration?: (flotilla.raft.Configuration.$Properties|null);

                /** ConfigurationEntry oldConfiguration */
                oldConfiguration?: (flotilla.raft.Configuration.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ConfigurationEntry. */
            type $Shape = flotilla.raft.ConfigurationEntry.$Properties;
        }

        /**
         * Properties of a TransferToken.
         * @deprecated Use flotilla.raft.TransferToken.$Properties instead.
         */
        interface ITransferToken extends flotilla.raft.TransferToken.$Properties {
        }

        /** Represents a TransferToken. */
        class TransferToken {

            /**
             * Constructs a new TransferToken.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.TransferToken.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TransferToken leaderReplica. */
            leaderReplica: number;

            /** TransferToken term. */
            term: number;

            /** TransferToken targetReplica. */
            targetReplica: number;

            /**
             * Encodes the specified TransferToken message. Does not implicitly {@link flotilla.raft.TransferToken.verify|verify} messages.
             * @param message TransferToken message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.TransferToken.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TransferToken message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.TransferToken & flotilla.raft.TransferToken.$Shape} TransferToken
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.TransferToken & flotilla.raft.TransferToken.$Shape;
        }

        namespace TransferToken {

            /** Properties of a TransferToken. */
            interface $Properties {

                /** TransferToken leaderReplica */
                leaderReplica?: (number|null);

                /** TransferToken term */
                term?: (number|null);

                /** TransferToken targetReplica */
                targetReplica?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TransferToken. */
            type $Shape = flotilla.raft.TransferToken.$Properties;
        }

        /**
         * Properties of a VoteRequest.
         * @deprecated Use flotilla.raft.VoteRequest.$Properties instead.
         */
        interface IVoteRequest extends flotilla.raft.VoteRequest.$Properties {
        }

        /** Represents a VoteRequest. */
        class VoteRequest {

            /**
             * Constructs a new VoteRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.VoteRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** VoteRequest slot. */
            slot: number;

            /** VoteRequest preVote. */
            preVote: boolean;

            /** VoteRequest round. */
            round: number;

            /** VoteRequest term. */
            term: number;

            /** VoteRequest lastLogIndex. */
            lastLogIndex: number;

            /** VoteRequest lastLogTerm. */
            lastLogTerm: number;

            /** VoteRequest firstConfigurationHash. */
            firstConfigurationHash: number;

            /** VoteRequest token. */
            token?: (flotilla.raft.TransferToken.$Properties|null);

            /**
             * Encodes the specified VoteRequest message. Does not implicitly {@link flotilla.raft.VoteRequest.verify|verify} messages.
             * @param message VoteRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.VoteRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a VoteRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.VoteRequest & flotilla.raft.VoteRequest.$Shape} VoteRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.VoteRequest & flotilla.raft.VoteRequest.$Shape;
        }

        namespace VoteRequest {

            /** Properties of a VoteRequest. */
            interface $Properties {

                /** VoteRequest slot */
                slot?: (number|null);

                /** VoteRequest preVote */
                preVote?: (boolean|null);

                /** VoteRequest round */
                round?: (number|null);

                /** VoteRequest term */
                term?: (number|null);

                /** VoteRequest lastLogIndex */
                lastLogIndex?: (number|null);

                /** VoteRequest lastLogTerm */
                lastLogTerm?: (number|null);

                /** VoteRequest firstConfigurationHash */
                firstConfigurationHash?: (number|null);

                /** VoteRequest token */
                token?: (flotilla.raft.TransferToken.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a VoteRequest. */
            type $Shape = flotilla.raft.VoteRequest.$Properties;
        }

        /**
         * Properties of a VoteResponse.
         * @deprecated Use flotilla.raft.VoteResponse.$Properties instead.
         */
        interface IVoteResponse extends flotilla.raft.VoteResponse.$Properties {
        }

        /** Represents a VoteResponse. */
        class VoteResponse {

            /**
             * Constructs a new VoteResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.VoteResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** VoteResponse slot. */
            slot: number;

            /** VoteResponse preVote. */
            preVote: boolean;

            /** VoteResponse round. */
            round: number;

            /** VoteResponse term. */
            term: number;

            /** VoteResponse answer. */
            answer: number;

            /**
             * Encodes the specified VoteResponse message. Does not implicitly {@link flotilla.raft.VoteResponse.verify|verify} messages.
             * @param message VoteResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.VoteResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a VoteResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.VoteResponse & flotilla.raft.VoteResponse.$Shape} VoteResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.VoteResponse & flotilla.raft.VoteResponse.$Shape;
        }

        namespace VoteResponse {

            /** Properties of a VoteResponse. */
            interface $Properties {

                /** VoteResponse slot */
                slot?: (number|null);

                /** VoteResponse preVote */
                preVote?: (boolean|null);

                /** VoteResponse round */
                round?: (number|null);

                /** VoteResponse term */
                term?: (number|null);

                /** VoteResponse answer */
                answer?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a VoteResponse. */
            type $Shape = flotilla.raft.VoteResponse.$Properties;
        }

        /**
         * Properties of an AppendRequest.
         * @deprecated Use flotilla.raft.AppendRequest.$Properties instead.
         */
        interface IAppendRequest extends flotilla.raft.AppendRequest.$Properties {
        }

        /** Represents an AppendRequest. */
        class AppendRequest {

            /**
             * Constructs a new AppendRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.AppendRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AppendRequest slot. */
            slot: number;

            /** AppendRequest term. */
            term: number;

            /** AppendRequest prevIndex. */
            prevIndex: number;

            /** AppendRequest prevTerm. */
            prevTerm: number;

            /** AppendRequest lastIndex. */
            lastIndex: number;

            /** AppendRequest commit. */
            commit: number;

            /** AppendRequest blockLengths. */
            blockLengths: number[];

            /** AppendRequest heldByAll. */
            heldByAll: number;

            /**
             * Encodes the specified AppendRequest message. Does not implicitly {@link flotilla.raft.AppendRequest.verify|verify} messages.
             * @param message AppendRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.AppendRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AppendRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.AppendRequest & flotilla.raft.AppendRequest.$Shape} AppendRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.AppendRequest & flotilla.raft.AppendRequest.$Shape;
        }

        namespace AppendRequest {

            /** Properties of an AppendRequest. */
            interface $Properties {

                /** AppendRequest slot */
                slot?: (number|null);

                /** AppendRequest term */
                term?: (number|null);

                /** AppendRequest prevIndex */
                prevIndex?: (number|null);

                /** AppendRequest prevTerm */
                prevTerm?: (number|null);

                /** AppendRequest lastIndex */
                lastIndex?: (number|null);

                /** AppendRequest commit */
                commit?: (number|null);

                /** AppendRequest blockLengths */
                blockLengths?: (number[]|null);

                /** AppendRequest heldByAll */
                heldByAll?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AppendRequest. */
            type $Shape = flotilla.raft.AppendRequest.$Properties;
        }

        /**
         * Properties of an AppendResponse.
         * @deprecated Use flotilla.raft.AppendResponse.$Properties instead.
         */
        interface IAppendResponse extends flotilla.raft.AppendResponse.$Properties {
        }

        /** Represents an AppendResponse. */
        class AppendResponse {

            /**
             * Constructs a new AppendResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.AppendResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AppendResponse slot. */
            slot: number;

            /** AppendResponse term. */
            term: number;

            /** AppendResponse answer. */
            answer: number;

            /** AppendResponse index. */
            index: number;

            /** AppendResponse lastIndex. */
            lastIndex: number;

            /** AppendResponse hintIndex. */
            hintIndex: number;

            /** AppendResponse hintTerm. */
            hintTerm: number;

            /** AppendResponse waitsForSnapshot. */
            waitsForSnapshot: boolean;

            /**
             * Encodes the specified AppendResponse message. Does not implicitly {@link flotilla.raft.AppendResponse.verify|verify} messages.
             * @param message AppendResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.AppendResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AppendResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.AppendResponse & flotilla.raft.AppendResponse.$Shape} AppendResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.AppendResponse & flotilla.raft.AppendResponse.$Shape;
        }

        namespace AppendResponse {

            /** Properties of an AppendResponse. */
            interface $Properties {

                /** AppendResponse slot */
                slot?: (number|null);

                /** AppendResponse term */
                term?: (number|null);

                /** AppendResponse answer */
                answer?: (number|null);

                /** AppendResponse index */
                index?: (number|null);

                /** AppendResponse lastIndex */
                lastIndex?: (number|null);

                /** AppendResponse hintIndex */
                hintIndex?: (number|null);

                /** AppendResponse hintTerm */
                hintTerm?: (number|null);

                /** AppendResponse waitsForSnapshot */
                waitsForSnapshot?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AppendResponse. */
            type $Shape = flotilla.raft.AppendResponse.$Properties;
        }

        /**
         * Properties of a TimeoutNow.
         * @deprecated Use flotilla.raft.TimeoutNow.$Properties instead.
         */
        interface ITimeoutNow extends flotilla.raft.TimeoutNow.$Properties {
        }

        /** Represents a TimeoutNow. */
        class TimeoutNow {

            /**
             * Constructs a new TimeoutNow.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.TimeoutNow.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TimeoutNow slot. */
            slot: number;

            /** TimeoutNow term. */
            term: number;

            /**
             * Encodes the specified TimeoutNow message. Does not implicitly {@link flotilla.raft.TimeoutNow.verify|verify} messages.
             * @param message TimeoutNow message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.TimeoutNow.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TimeoutNow message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.TimeoutNow & flotilla.raft.TimeoutNow.$Shape} TimeoutNow
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.TimeoutNow & flotilla.raft.TimeoutNow.$Shape;
        }

        namespace TimeoutNow {

            /** Properties of a TimeoutNow. */
            interface $Properties {

                /** TimeoutNow slot */
                slot?: (number|null);

                /** TimeoutNow term */
                term?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TimeoutNow. */
            type $Shape = flotilla.raft.TimeoutNow.$Properties;
        }

        /**
         * Properties of a ReadIndexRequest.
         * @deprecated Use flotilla.raft.ReadIndexRequest.$Properties instead.
         */
        interface IReadIndexRequest extends flotilla.raft.ReadIndexRequest.$Properties {
        }

        /** Represents a ReadIndexRequest. */
        class ReadIndexRequest {

            /**
             * Constructs a new ReadIndexRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.ReadIndexRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReadIndexRequest slot. */
            slot: number;

            /** ReadIndexRequest requestId. */
            requestId: number;

            /**
             * Encodes the specified ReadIndexRequest message. Does not implicitly {@link flotilla.raft.ReadIndexRequest.verify|verify} messages.
             * @param message ReadIndexRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.ReadIndexRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReadIndexRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.ReadIndexRequest & flotilla.raft.ReadIndexRequest.$Shape} ReadIndexRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.ReadIndexRequest & flotilla.raft.ReadIndexRequest.$Shape;
        }

        namespace ReadIndexRequest {

            /** Properties of a ReadIndexRequest. */
            interface $Properties {

                /** ReadIndexRequest slot */
                slot?: (number|null);

                /** ReadIndexRequest requestId */
                requestId?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReadIndexRequest. */
            type $Shape = flotilla.raft.ReadIndexRequest.$Properties;
        }

        /**
         * Properties of a ReadIndexResponse.
         * @deprecated Use flotilla.raft.ReadIndexResponse.$Properties instead.
         */
        interface IReadIndexResponse extends flotilla.raft.ReadIndexResponse.$Properties {
        }

        /** Represents a ReadIndexResponse. */
        class ReadIndexResponse {

            /**
             * Constructs a new ReadIndexResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.raft.ReadIndexResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReadIndexResponse slot. */
            slot: number;

            /** ReadIndexResponse requestId. */
            requestId: number;

            /** ReadIndexResponse answer. */
            answer: number;

            /** ReadIndexResponse index. */
            index: number;

            /**
             * Encodes the specified ReadIndexResponse message. Does not implicitly {@link flotilla.raft.ReadIndexResponse.verify|verify} messages.
             * @param message ReadIndexResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.raft.ReadIndexResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReadIndexResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.raft.ReadIndexResponse & flotilla.raft.ReadIndexResponse.$Shape} ReadIndexResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.raft.ReadIndexResponse & flotilla.raft.ReadIndexResponse.$Shape;
        }

        namespace ReadIndexResponse {

            /** Properties of a ReadIndexResponse. */
            interface $Properties {

                /** ReadIndexResponse slot */
                slot?: (number|null);

                /** ReadIndexResponse requestId */
                requestId?: (number|null);

                /** ReadIndexResponse answer */
                answer?: (number|null);

                /** ReadIndexResponse index */
                index?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReadIndexResponse. */
            type $Shape = flotilla.raft.ReadIndexResponse.$Properties;
        }
    }

    /** Namespace rpc. */
    namespace rpc {

        /** ConnectionKind enum. */
        enum ConnectionKind {

            /** UNKNOWN_KIND value */
            UNKNOWN_KIND = 0,

            /** CONTROL value */
            CONTROL = 1,

            /** BULK value */
            BULK = 2,

            /** PROBE value */
            PROBE = 3
        }

        /** PeerRole enum. */
        enum PeerRole {

            /** STORE value */
            STORE = 0,

            /** CLIENT value */
            CLIENT = 1
        }

        /**
         * Properties of a StoreAddress.
         * @deprecated Use flotilla.rpc.StoreAddress.$Properties instead.
         */
        interface IStoreAddress extends flotilla.rpc.StoreAddress.$Properties {
        }

        /** Represents a StoreAddress. */
        class StoreAddress {

            /**
             * Constructs a new StoreAddress.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.StoreAddress.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** StoreAddress storeId. */
            storeId: string;

            /** StoreAddress address. */
            address: string;

            /** StoreAddress version. */
            version: number;

            /**
             * Encodes the specified StoreAddress message. Does not implicitly {@link flotilla.rpc.StoreAddress.verify|verify} messages.
             * @param message StoreAddress message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.StoreAddress.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a StoreAddress message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.StoreAddress & flotilla.rpc.StoreAddress.$Shape} StoreAddress
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.StoreAddress & flotilla.rpc.StoreAddress.$Shape;
        }

        namespace StoreAddress {

            /** Properties of a StoreAddress. */
            interface $Properties {

                /** StoreAddress storeId */
                storeId?: (string|null);

                /** StoreAddress address */
                address?: (string|null);

                /** StoreAddress version */
                version?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a StoreAddress. */
            type $Shape = flotilla.rpc.StoreAddress.$Properties;
        }

        /**
         * Properties of a Hello.
         * @deprecated Use flotilla.rpc.Hello.$Properties instead.
         */
        interface IHello extends flotilla.rpc.Hello.$Properties {
        }

        /** Represents a Hello. */
        class Hello {

            /**
             * Constructs a new Hello.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.Hello.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Hello clusterId. */
            clusterId: string;

            /** Hello storeId. */
            storeId: string;

            /** Hello expectedStoreId. */
            expectedStoreId: string;

            /** Hello incarnation. */
            incarnation: string;

            /** Hello boot. */
            boot: number;

            /** Hello protocolMin. */
            protocolMin: number;

            /** Hello protocolMax. */
            protocolMax: number;

            /** Hello kind. */
            kind: flotilla.rpc.ConnectionKind;

            /** Hello role. */
            role: flotilla.rpc.PeerRole;

            /** Hello connection. */
            connection: number;

            /** Hello pair. */
            pair: number;

            /** Hello address. */
            address: string;

            /** Hello flushSeen. */
            flushSeen: number[];

            /** Hello flushClaimed. */
            flushClaimed: number[];

            /** Hello addresses. */
            addresses: flotilla.rpc.StoreAddress.$Properties[];

            /** Hello process. */
            process: number;

            /** Hello addressVersion. */
            addressVersion: number;

            /** Hello seenIncarnation. */
            seenIncarnation: string;

            /** Hello seenBoot. */
            seenBoot: number;

            /** Hello seenProcess. */
            seenProcess: number;

            /** Hello pastProcesses. */
            pastProcesses: number[];

            /**
             * Encodes the specified Hello message. Does not implicitly {@link flotilla.rpc.Hello.verify|verify} messages.
             * @param message Hello message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.Hello.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Hello message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.Hello & flotilla.rpc.Hello.$Shape} Hello
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.Hello & flotilla.rpc.Hello.$Shape;
        }

        namespace Hello {

            /** Properties of a Hello. */
            interface $Properties {

                /** Hello clusterId */
                clusterId?: (string|null);

                /** Hello storeId */
                storeId?: (string|null);

                /** Hello expectedStoreId */
                expectedStoreId?: (string|null);

                /** Hello incarnation */
                incarnation?: (string|null);

                /** Hello boot */
                boot?: (number|null);

                /** Hello protocolMin */
                protocolMin?: (number|null);

                /** Hello protocolMax */
                protocolMax?: (number|null);

                /** Hello kind */
                kind?: (flotilla.rpc.ConnectionKind|null);

                /** Hello role */
                role?: (flotilla.rpc.PeerRole|null);

                /** Hello connection */
                connection?: (number|null);

                /** Hello pair */
                pair?: (number|null);

                /** Hello address */
                address?: (string|null);

                /** Hello flushSeen */
                flushSeen?: (number[]|null);

                /** Hello flushClaimed */
                flushClaimed?: (number[]|null);

                /** Hello addresses */
                addresses?: (flotilla.rpc.StoreAddress.$Properties[]|null);

                /** Hello process */
                process?: (number|null);

                /** Hello addressVersion */
                addressVersion?: (number|null);

                /** Hello seenIncarnation */
                seenIncarnation?: (string|null);

                /** Hello seenBoot */
                seenBoot?: (number|null);

                /** Hello seenProcess */
                seenProcess?: (number|null);

                /** Hello pastProcesses */
                pastProcesses?: (number[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Hello. */
            type $Shape = flotilla.rpc.Hello.$Properties;
        }

        /**
         * Properties of a HelloAnswer.
         * @deprecated Use flotilla.rpc.HelloAnswer.$Properties instead.
         */
        interface IHelloAnswer extends flotilla.rpc.HelloAnswer.$Properties {
        }

        /** Represents a HelloAnswer. */
        class HelloAnswer {

            /**
             * Constructs a new HelloAnswer.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.HelloAnswer.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** HelloAnswer hello. */
            hello?: (flotilla.rpc.Hello.$Properties|null);

            /** HelloAnswer protocol. */
            protocol: number;

            /**
             * Encodes the specified HelloAnswer message. Does not implicitly {@link flotilla.rpc.HelloAnswer.verify|verify} messages.
             * @param message HelloAnswer message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.HelloAnswer.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a HelloAnswer message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.HelloAnswer & flotilla.rpc.HelloAnswer.$Shape} HelloAnswer
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.HelloAnswer & flotilla.rpc.HelloAnswer.$Shape;
        }

        namespace HelloAnswer {

            /** Properties of a HelloAnswer. */
            interface $Properties {

                /** HelloAnswer hello */
                hello?: (flotilla.rpc.Hello.$Properties|null);

                /** HelloAnswer protocol */
                protocol?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a HelloAnswer. */
            type $Shape = flotilla.rpc.HelloAnswer.$Properties;
        }

        /**
         * Properties of a Ready.
         * @deprecated Use flotilla.rpc.Ready.$Properties instead.
         */
        interface IReady extends flotilla.rpc.Ready.$Properties {
        }

        /** Represents a Ready. */
        class Ready {

            /**
             * Constructs a new Ready.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.Ready.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified Ready message. Does not implicitly {@link flotilla.rpc.Ready.verify|verify} messages.
             * @param message Ready message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.Ready.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Ready message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.Ready & flotilla.rpc.Ready.$Shape} Ready
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.Ready & flotilla.rpc.Ready.$Shape;
        }

        namespace Ready {

            /** Properties of a Ready. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Ready. */
            type $Shape = flotilla.rpc.Ready.$Properties;
        }

        /**
         * Properties of a Goodbye.
         * @deprecated Use flotilla.rpc.Goodbye.$Properties instead.
         */
        interface IGoodbye extends flotilla.rpc.Goodbye.$Properties {
        }

        /** Represents a Goodbye. */
        class Goodbye {

            /**
             * Constructs a new Goodbye.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.Goodbye.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Goodbye error. */
            error: string;

            /** Goodbye message. */
            message: string;

            /** Goodbye suspect. */
            suspect: string;

            /**
             * Encodes the specified Goodbye message. Does not implicitly {@link flotilla.rpc.Goodbye.verify|verify} messages.
             * @param message Goodbye message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.Goodbye.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Goodbye message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.Goodbye & flotilla.rpc.Goodbye.$Shape} Goodbye
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.Goodbye & flotilla.rpc.Goodbye.$Shape;
        }

        namespace Goodbye {

            /** Properties of a Goodbye. */
            interface $Properties {

                /** Goodbye error */
                error?: (string|null);

                /** Goodbye message */
                message?: (string|null);

                /** Goodbye suspect */
                suspect?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Goodbye. */
            type $Shape = flotilla.rpc.Goodbye.$Properties;
        }

        /**
         * Properties of a FlushNumbers.
         * @deprecated Use flotilla.rpc.FlushNumbers.$Properties instead.
         */
        interface IFlushNumbers extends flotilla.rpc.FlushNumbers.$Properties {
        }

        /** Represents a FlushNumbers. */
        class FlushNumbers {

            /**
             * Constructs a new FlushNumbers.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.FlushNumbers.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FlushNumbers claimed. */
            claimed: number[];

            /**
             * Encodes the specified FlushNumbers message. Does not implicitly {@link flotilla.rpc.FlushNumbers.verify|verify} messages.
             * @param message FlushNumbers message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.FlushNumbers.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FlushNumbers message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.FlushNumbers & flotilla.rpc.FlushNumbers.$Shape} FlushNumbers
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.FlushNumbers & flotilla.rpc.FlushNumbers.$Shape;
        }

        namespace FlushNumbers {

            /** Properties of a FlushNumbers. */
            interface $Properties {

                /** FlushNumbers claimed */
                claimed?: (number[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FlushNumbers. */
            type $Shape = flotilla.rpc.FlushNumbers.$Properties;
        }

        /**
         * Properties of a GroupAlias.
         * @deprecated Use flotilla.rpc.GroupAlias.$Properties instead.
         */
        interface IGroupAlias extends flotilla.rpc.GroupAlias.$Properties {
        }

        /** Represents a GroupAlias. */
        class GroupAlias {

            /**
             * Constructs a new GroupAlias.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.GroupAlias.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupAlias slot. */
            slot: number;

            /** GroupAlias groupId. */
            groupId: string;

            /** GroupAlias fromReplica. */
            fromReplica: number;

            /** GroupAlias toReplica. */
            toReplica: number;

            /**
             * Encodes the specified GroupAlias message. Does not implicitly {@link flotilla.rpc.GroupAlias.verify|verify} messages.
             * @param message GroupAlias message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.GroupAlias.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupAlias message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.GroupAlias & flotilla.rpc.GroupAlias.$Shape} GroupAlias
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.GroupAlias & flotilla.rpc.GroupAlias.$Shape;
        }

        namespace GroupAlias {

            /** Properties of a GroupAlias. */
            interface $Properties {

                /** GroupAlias slot */
                slot?: (number|null);

                /** GroupAlias groupId */
                groupId?: (string|null);

                /** GroupAlias fromReplica */
                fromReplica?: (number|null);

                /** GroupAlias toReplica */
                toReplica?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupAlias. */
            type $Shape = flotilla.rpc.GroupAlias.$Properties;
        }

        /**
         * Properties of a NoSuchReplica.
         * @deprecated Use flotilla.rpc.NoSuchReplica.$Properties instead.
         */
        interface INoSuchReplica extends flotilla.rpc.NoSuchReplica.$Properties {
        }

        /** Represents a NoSuchReplica. */
        class NoSuchReplica {

            /**
             * Constructs a new NoSuchReplica.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.NoSuchReplica.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** NoSuchReplica slot. */
            slot: number;

            /** NoSuchReplica groupId. */
            groupId: string;

            /** NoSuchReplica fromReplica. */
            fromReplica: number;

            /** NoSuchReplica toReplica. */
            toReplica: number;

            /**
             * Encodes the specified NoSuchReplica message. Does not implicitly {@link flotilla.rpc.NoSuchReplica.verify|verify} messages.
             * @param message NoSuchReplica message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.NoSuchReplica.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a NoSuchReplica message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.NoSuchReplica & flotilla.rpc.NoSuchReplica.$Shape} NoSuchReplica
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.NoSuchReplica & flotilla.rpc.NoSuchReplica.$Shape;
        }

        namespace NoSuchReplica {

            /** Properties of a NoSuchReplica. */
            interface $Properties {

                /** NoSuchReplica slot */
                slot?: (number|null);

                /** NoSuchReplica groupId */
                groupId?: (string|null);

                /** NoSuchReplica fromReplica */
                fromReplica?: (number|null);

                /** NoSuchReplica toReplica */
                toReplica?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a NoSuchReplica. */
            type $Shape = flotilla.rpc.NoSuchReplica.$Properties;
        }

        /**
         * Properties of a Heartbeat.
         * @deprecated Use flotilla.rpc.Heartbeat.$Properties instead.
         */
        interface IHeartbeat extends flotilla.rpc.Heartbeat.$Properties {
        }

        /** Represents a Heartbeat. */
        class Heartbeat {

            /**
             * Constructs a new Heartbeat.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.Heartbeat.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Heartbeat sequence. */
            sequence: number;

            /** Heartbeat slots. */
            slots: number[];

            /** Heartbeat terms. */
            terms: number[];

            /** Heartbeat commits. */
            commits: number[];

            /**
             * Encodes the specified Heartbeat message. Does not implicitly {@link flotilla.rpc.Heartbeat.verify|verify} messages.
             * @param message Heartbeat message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.Heartbeat.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Heartbeat message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.Heartbeat & flotilla.rpc.Heartbeat.$Shape} Heartbeat
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.Heartbeat & flotilla.rpc.Heartbeat.$Shape;
        }

        namespace Heartbeat {

            /** Properties of a Heartbeat. */
            interface $Properties {

                /** Heartbeat sequence */
                sequence?: (number|null);

                /** Heartbeat slots */
                slots?: (number[]|null);

                /** Heartbeat terms */
                terms?: (number[]|null);

                /** Heartbeat commits */
                commits?: (number[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Heartbeat. */
            type $Shape = flotilla.rpc.Heartbeat.$Properties;
        }

        /**
         * Properties of a HeartbeatException.
         * @deprecated Use flotilla.rpc.HeartbeatException.$Properties instead.
         */
        interface IHeartbeatException extends flotilla.rpc.HeartbeatException.$Properties {
        }

        /** Represents a HeartbeatException. */
        class HeartbeatException {

            /**
             * Constructs a new HeartbeatException.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.HeartbeatException.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** HeartbeatException position. */
            position: number;

            /** HeartbeatException answer. */
            answer: number;

            /** HeartbeatException term. */
            term: number;

            /** HeartbeatException lastIndex. */
            lastIndex: number;

            /**
             * Encodes the specified HeartbeatException message. Does not implicitly {@link flotilla.rpc.HeartbeatException.verify|verify} messages.
             * @param message HeartbeatException message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.HeartbeatException.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a HeartbeatException message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.HeartbeatException & flotilla.rpc.HeartbeatException.$Shape} HeartbeatException
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.HeartbeatException & flotilla.rpc.HeartbeatException.$Shape;
        }

        namespace HeartbeatException {

            /** Properties of a HeartbeatException. */
            interface $Properties {

                /** HeartbeatException position */
                position?: (number|null);

                /** HeartbeatException answer */
                answer?: (number|null);

                /** HeartbeatException term */
                term?: (number|null);

                /** HeartbeatException lastIndex */
                lastIndex?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a HeartbeatException. */
            type $Shape = flotilla.rpc.HeartbeatException.$Properties;
        }

        /**
         * Properties of a HeartbeatAck.
         * @deprecated Use flotilla.rpc.HeartbeatAck.$Properties instead.
         */
        interface IHeartbeatAck extends flotilla.rpc.HeartbeatAck.$Properties {
        }

        /** Represents a HeartbeatAck. */
        class HeartbeatAck {

            /**
             * Constructs a new HeartbeatAck.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.HeartbeatAck.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** HeartbeatAck sequence. */
            sequence: number;

            /** HeartbeatAck exceptions. */
            exceptions: flotilla.rpc.HeartbeatException.$Properties[];

            /**
             * Encodes the specified HeartbeatAck message. Does not implicitly {@link flotilla.rpc.HeartbeatAck.verify|verify} messages.
             * @param message HeartbeatAck message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.HeartbeatAck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a HeartbeatAck message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.HeartbeatAck & flotilla.rpc.HeartbeatAck.$Shape} HeartbeatAck
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.HeartbeatAck & flotilla.rpc.HeartbeatAck.$Shape;
        }

        namespace HeartbeatAck {

            /** Properties of a HeartbeatAck. */
            interface $Properties {

                /** HeartbeatAck sequence */
                sequence?: (number|null);

                /** HeartbeatAck exceptions */
                exceptions?: (flotilla.rpc.HeartbeatException.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a HeartbeatAck. */
            type $Shape = flotilla.rpc.HeartbeatAck.$Properties;
        }

        /**
         * Properties of a ForwardRequest.
         * @deprecated Use flotilla.rpc.ForwardRequest.$Properties instead.
         */
        interface IForwardRequest extends flotilla.rpc.ForwardRequest.$Properties {
        }

        /** Represents a ForwardRequest. */
        class ForwardRequest {

            /**
             * Constructs a new ForwardRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.ForwardRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ForwardRequest requestId. */
            requestId: number;

            /** ForwardRequest groupId. */
            groupId: string;

            /** ForwardRequest expectedTerm. */
            expectedTerm: number;

            /** ForwardRequest payloads. */
            payloads: Uint8Array[];

            /**
             * Encodes the specified ForwardRequest message. Does not implicitly {@link flotilla.rpc.ForwardRequest.verify|verify} messages.
             * @param message ForwardRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.ForwardRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ForwardRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.ForwardRequest & flotilla.rpc.ForwardRequest.$Shape} ForwardRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.ForwardRequest & flotilla.rpc.ForwardRequest.$Shape;
        }

        namespace ForwardRequest {

            /** Properties of a ForwardRequest. */
            interface $Properties {

                /** ForwardRequest requestId */
                requestId?: (number|null);

                /** ForwardRequest groupId */
                groupId?: (string|null);

                /** ForwardRequest expectedTerm */
                expectedTerm?: (number|null);

                /** ForwardRequest payloads */
                payloads?: (Uint8Array[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ForwardRequest. */
            type $Shape = flotilla.rpc.ForwardRequest.$Properties;
        }

        /**
         * Properties of a ForwardResponse.
         * @deprecated Use flotilla.rpc.ForwardResponse.$Properties instead.
         */
        interface IForwardResponse extends flotilla.rpc.ForwardResponse.$Properties {
        }

        /** Represents a ForwardResponse. */
        class ForwardResponse {

            /**
             * Constructs a new ForwardResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.ForwardResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ForwardResponse requestId. */
            requestId: number;

            /** ForwardResponse from. */
            from: number;

            /** ForwardResponse count. */
            count: number;

            /** ForwardResponse error. */
            error: string;

            /** ForwardResponse message. */
            message: string;

            /** ForwardResponse unknownOutcome. */
            unknownOutcome: boolean;

            /** ForwardResponse leader. */
            leader: string;

            /** ForwardResponse firstIndex. */
            firstIndex: number;

            /** ForwardResponse term. */
            term: number;

            /** ForwardResponse results. */
            results: Uint8Array[];

            /**
             * Encodes the specified ForwardResponse message. Does not implicitly {@link flotilla.rpc.ForwardResponse.verify|verify} messages.
             * @param message ForwardResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.ForwardResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ForwardResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.ForwardResponse & flotilla.rpc.ForwardResponse.$Shape} ForwardResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.ForwardResponse & flotilla.rpc.ForwardResponse.$Shape;
        }

        namespace ForwardResponse {

            /** Properties of a ForwardResponse. */
            interface $Properties {

                /** ForwardResponse requestId */
                requestId?: (number|null);

                /** ForwardResponse from */
                from?: (number|null);

                /** ForwardResponse count */
                count?: (number|null);

                /** ForwardResponse error */
                error?: (string|null);

                /** ForwardResponse message */
                message?: (string|null);

                /** ForwardResponse unknownOutcome */
                unknownOutcome?: (boolean|null);

                /** ForwardResponse leader */
                leader?: (string|null);

                /** ForwardResponse firstIndex */
                firstIndex?: (number|null);

                /** ForwardResponse term */
                term?: (number|null);

                /** ForwardResponse results */
                results?: (Uint8Array[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ForwardResponse. */
            type $Shape = flotilla.rpc.ForwardResponse.$Properties;
        }

        /**
         * Properties of a Call.
         * @deprecated Use flotilla.rpc.Call.$Properties instead.
         */
        interface ICall extends flotilla.rpc.Call.$Properties {
        }

        /** Represents a Call. */
        class Call {

            /**
             * Constructs a new Call.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.Call.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Call requestId. */
            requestId: number;

            /** Call method. */
            method: string;

            /** Call body. */
            body: Uint8Array;

            /**
             * Encodes the specified Call message. Does not implicitly {@link flotilla.rpc.Call.verify|verify} messages.
             * @param message Call message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.Call.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Call message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.Call & flotilla.rpc.Call.$Shape} Call
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.Call & flotilla.rpc.Call.$Shape;
        }

        namespace Call {

            /** Properties of a Call. */
            interface $Properties {

                /** Call requestId */
                requestId?: (number|null);

                /** Call method */
                method?: (string|null);

                /** Call body */
                body?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Call. */
            type $Shape = flotilla.rpc.Call.$Properties;
        }

        /**
         * Properties of a Reply.
         * @deprecated Use flotilla.rpc.Reply.$Properties instead.
         */
        interface IReply extends flotilla.rpc.Reply.$Properties {
        }

        /** Represents a Reply. */
        class Reply {

            /**
             * Constructs a new Reply.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.rpc.Reply.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Reply requestId. */
            requestId: number;

            /** Reply error. */
            error: string;

            /** Reply message. */
            message: string;

            /** Reply unknownOutcome. */
            unknownOutcome: boolean;

            /** Reply leader. */
            leader: string;

            /** Reply body. */
            body: Uint8Array;

            /**
             * Encodes the specified Reply message. Does not implicitly {@link flotilla.rpc.Reply.verify|verify} messages.
             * @param message Reply message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.rpc.Reply.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Reply message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.rpc.Reply & flotilla.rpc.Reply.$Shape} Reply
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.rpc.Reply & flotilla.rpc.Reply.$Shape;
        }

        namespace Reply {

            /** Properties of a Reply. */
            interface $Properties {

                /** Reply requestId */
                requestId?: (number|null);

                /** Reply error */
                error?: (string|null);

                /** Reply message */
                message?: (string|null);

                /** Reply unknownOutcome */
                unknownOutcome?: (boolean|null);

                /** Reply leader */
                leader?: (string|null);

                /** Reply body */
                body?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Reply. */
            type $Shape = flotilla.rpc.Reply.$Properties;
        }
    }

    /** Namespace admin. */
    namespace admin {

        /**
         * Properties of a CreateGroupsRequest.
         * @deprecated Use flotilla.admin.CreateGroupsRequest.$Properties instead.
         */
        interface ICreateGroupsRequest extends flotilla.admin.CreateGroupsRequest.$Properties {
        }

        /** Represents a CreateGroupsRequest. */
        class CreateGroupsRequest {

            /**
             * Constructs a new CreateGroupsRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.CreateGroupsRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CreateGroupsRequest groups. */
            groups: flotilla.admin.GroupDefinition.$Properties[];

            /**
             * Encodes the specified CreateGroupsRequest message. Does not implicitly {@link flotilla.admin.CreateGroupsRequest.verify|verify} messages.
             * @param message CreateGroupsRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.CreateGroupsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CreateGroupsRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.CreateGroupsRequest & flotilla.admin.CreateGroupsRequest.$Shape} CreateGroupsRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.CreateGroupsRequest & flotilla.admin.CreateGroupsRequest.$Shape;
        }

        namespace CreateGroupsRequest {

            /** Properties of a CreateGroupsRequest. */
            interface $Properties {

                /** CreateGroupsRequest groups */
                groups?: (flotilla.admin.GroupDefinition.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CreateGroupsRequest. */
            type $Shape = flotilla.admin.CreateGroupsRequest.$Properties;
        }

        /**
         * Properties of a GroupDefinition.
         * @deprecated Use flotilla.admin.GroupDefinition.$Properties instead.
         */
        interface IGroupDefinition extends flotilla.admin.GroupDefinition.$Properties {
        }

        /** Represents a GroupDefinition. */
        class GroupDefinition {

            /**
             * Constructs a new GroupDefinition.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.GroupDefinition.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupDefinition groupId. */
            groupId: string;

            /** GroupDefinition type. */
            type: string;

            /** GroupDefinition args. */
            args: Uint8Array;

            /** GroupDefinition members. */
            members: flotilla.raft.Member.$Properties[];

            /** GroupDefinition nextReplica. */
            nextReplica: number;

            /**
             * Encodes the specified GroupDefinition message. Does not implicitly {@link flotilla.admin.GroupDefinition.verify|verify} messages.
             * @param message GroupDefinition message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.GroupDefinition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupDefinition message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.GroupDefinition & flotilla.admin.GroupDefinition.$Shape} GroupDefinition
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.GroupDefinition & flotilla.admin.GroupDefinition.$Shape;
        }

        namespace GroupDefinition {

            /** Properties of a GroupDefinition. */
            interface $Properties {

                /** GroupDefinition groupId */
                groupId?: (string|null);

                /** GroupDefinition type */
                type?: (string|null);

                /** GroupDefinition args */
                args?: (Uint8Array|null);

                /** GroupDefinition members */
                members?: (flotilla.raft.Member.$Properties[]|null);

                /** GroupDefinition nextReplica */
                nextReplica?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupDefinition. */
            type $Shape = flotilla.admin.GroupDefinition.$Properties;
        }

        /**
         * Properties of a CreateGroupsResponse.
         * @deprecated Use flotilla.admin.CreateGroupsResponse.$Properties instead.
         */
        interface ICreateGroupsResponse extends flotilla.admin.CreateGroupsResponse.$Properties {
        }

        /** Represents a CreateGroupsResponse. */
        class CreateGroupsResponse {

            /**
             * Constructs a new CreateGroupsResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.CreateGroupsResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CreateGroupsResponse groups. */
            groups: flotilla.admin.GroupResult.$Properties[];

            /**
             * Encodes the specified CreateGroupsResponse message. Does not implicitly {@link flotilla.admin.CreateGroupsResponse.verify|verify} messages.
             * @param message CreateGroupsResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.CreateGroupsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CreateGroupsResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.CreateGroupsResponse & flotilla.admin.CreateGroupsResponse.$Shape} CreateGroupsResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.CreateGroupsResponse & flotilla.admin.CreateGroupsResponse.$Shape;
        }

        namespace CreateGroupsResponse {

            /** Properties of a CreateGroupsResponse. */
            interface $Properties {

                /** CreateGroupsResponse groups */
                groups?: (flotilla.admin.GroupResult.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CreateGroupsResponse. */
            type $Shape = flotilla.admin.CreateGroupsResponse.$Properties;
        }

        /**
         * Properties of a GroupResult.
         * @deprecated Use flotilla.admin.GroupResult.$Properties instead.
         */
        interface IGroupResult extends flotilla.admin.GroupResult.$Properties {
        }

        /** Represents a GroupResult. */
        class GroupResult {

            /**
             * Constructs a new GroupResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.GroupResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupResult error. */
            error: string;

            /** GroupResult message. */
            message: string;

            /**
             * Encodes the specified GroupResult message. Does not implicitly {@link flotilla.admin.GroupResult.verify|verify} messages.
             * @param message GroupResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.GroupResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.GroupResult & flotilla.admin.GroupResult.$Shape} GroupResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.GroupResult & flotilla.admin.GroupResult.$Shape;
        }

        namespace GroupResult {

            /** Properties of a GroupResult. */
            interface $Properties {

                /** GroupResult error */
                error?: (string|null);

                /** GroupResult message */
                message?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupResult. */
            type $Shape = flotilla.admin.GroupResult.$Properties;
        }

        /**
         * Properties of a LocateRequest.
         * @deprecated Use flotilla.admin.LocateRequest.$Properties instead.
         */
        interface ILocateRequest extends flotilla.admin.LocateRequest.$Properties {
        }

        /** Represents a LocateRequest. */
        class LocateRequest {

            /**
             * Constructs a new LocateRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.LocateRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** LocateRequest groupIds. */
            groupIds: string[];

            /**
             * Encodes the specified LocateRequest message. Does not implicitly {@link flotilla.admin.LocateRequest.verify|verify} messages.
             * @param message LocateRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.LocateRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a LocateRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.LocateRequest & flotilla.admin.LocateRequest.$Shape} LocateRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.LocateRequest & flotilla.admin.LocateRequest.$Shape;
        }

        namespace LocateRequest {

            /** Properties of a LocateRequest. */
            interface $Properties {

                /** LocateRequest groupIds */
                groupIds?: (string[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a LocateRequest. */
            type $Shape = flotilla.admin.LocateRequest.$Properties;
        }

        /**
         * Properties of a LocateResponse.
         * @deprecated Use flotilla.admin.LocateResponse.$Properties instead.
         */
        interface ILocateResponse extends flotilla.admin.LocateResponse.$Properties {
        }

        /** Represents a LocateResponse. */
        class LocateResponse {

            /**
             * Constructs a new LocateResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.LocateResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** LocateResponse groups. */
            groups: flotilla.admin.GroupLocation.$Properties[];

            /**
             * Encodes the specified LocateResponse message. Does not implicitly {@link flotilla.admin.LocateResponse.verify|verify} messages.
             * @param message LocateResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.LocateResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a LocateResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.LocateResponse & flotilla.admin.LocateResponse.$Shape} LocateResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.LocateResponse & flotilla.admin.LocateResponse.$Shape;
        }

        namespace LocateResponse {

            /** Properties of a LocateResponse. */
            interface $Properties {

                /** LocateResponse groups */
                groups?: (flotilla.admin.GroupLocation.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a LocateResponse. */
            type $Shape = flotilla.admin.LocateResponse.$Properties;
        }

        /**
         * Properties of a GroupLocation.
         * @deprecated Use flotilla.admin.GroupLocation.$Properties instead.
         */
        interface IGroupLocation extends flotilla.admin.GroupLocation.$Properties {
        }

        /** Represents a GroupLocation. */
        class GroupLocation {

            /**
             * Constructs a new GroupLocation.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.GroupLocation.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GroupLocation groupId. */
            groupId: string;

            /** GroupLocation hosted. */
            hosted: boolean;

            /** GroupLocation type. */
            type: string;

            /** GroupLocation leaderStore. */
            leaderStore: string;

            /** GroupLocation memberStores. */
            memberStores: string[];

            /** GroupLocation term. */
            term: number;

            /**
             * Encodes the specified GroupLocation message. Does not implicitly {@link flotilla.admin.GroupLocation.verify|verify} messages.
             * @param message GroupLocation message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.GroupLocation.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GroupLocation message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.GroupLocation & flotilla.admin.GroupLocation.$Shape} GroupLocation
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.GroupLocation & flotilla.admin.GroupLocation.$Shape;
        }

        namespace GroupLocation {

            /** Properties of a GroupLocation. */
            interface $Properties {

                /** GroupLocation groupId */
                groupId?: (string|null);

                /** GroupLocation hosted */
                hosted?: (boolean|null);

                /** GroupLocation type */
                type?: (string|null);

                /** GroupLocation leaderStore */
                leaderStore?: (string|null);

                /** GroupLocation memberStores */
                memberStores?: (string[]|null);

                /** GroupLocation term */
                term?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GroupLocation. */
            type $Shape = flotilla.admin.GroupLocation.$Properties;
        }

        /**
         * Properties of a DescribeGroupRequest.
         * @deprecated Use flotilla.admin.DescribeGroupRequest.$Properties instead.
         */
        interface IDescribeGroupRequest extends flotilla.admin.DescribeGroupRequest.$Properties {
        }

        /** Represents a DescribeGroupRequest. */
        class DescribeGroupRequest {

            /**
             * Constructs a new DescribeGroupRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DescribeGroupRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeGroupRequest groupId. */
            groupId: string;

            /**
             * Encodes the specified DescribeGroupRequest message. Does not implicitly {@link flotilla.admin.DescribeGroupRequest.verify|verify} messages.
             * @param message DescribeGroupRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DescribeGroupRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeGroupRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DescribeGroupRequest & flotilla.admin.DescribeGroupRequest.$Shape} DescribeGroupRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DescribeGroupRequest & flotilla.admin.DescribeGroupRequest.$Shape;
        }

        namespace DescribeGroupRequest {

            /** Properties of a DescribeGroupRequest. */
            interface $Properties {

                /** DescribeGroupRequest groupId */
                groupId?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeGroupRequest. */
            type $Shape = flotilla.admin.DescribeGroupRequest.$Properties;
        }

        /**
         * Properties of a DescribeGroupResponse.
         * @deprecated Use flotilla.admin.DescribeGroupResponse.$Properties instead.
         */
        interface IDescribeGroupResponse extends flotilla.admin.DescribeGroupResponse.$Properties {
        }

        /** Represents a DescribeGroupResponse. */
        class DescribeGroupResponse {

            /**
             * Constructs a new DescribeGroupResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DescribeGroupResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeGroupResponse groupId. */
            groupId: string;

            /** DescribeGroupResponse type. */
            type: string;

            /** DescribeGroupResponse storeId. */
            storeId: string;

            /** DescribeGroupResponse replica. */
            replica: number;

            /** DescribeGroupResponse role. */
            role: string;

            /** DescribeGroupResponse term. */
            term: number;

            /** DescribeGroupResponse leaderStore. */
            leaderStore: string;

            /** DescribeGroupResponse leaderReplica. */
            leaderReplica: number;

            /** DescribeGroupResponse commitIndex. */
            commitIndex: number;

            /** DescribeGroupResponse appliedIndex. */
            appliedIndex: number;

            /** DescribeGroupResponse firstIndex. */
            firstIndex: number;

            /** DescribeGroupResponse lastIndex. */
            lastIndex: number;

            /** DescribeGroupResponse configuration. */
            configuration?: (flotilla.raft.Configuration.$Properties|null);

            /** DescribeGroupResponse oldConfiguration. */
            oldConfiguration?: (flotilla.raft.Configuration.$Properties|null);

            /** DescribeGroupResponse progress. */
            progress: flotilla.admin.ReplicaProgress.$Properties[];

            /** DescribeGroupResponse error. */
            error: string;

            /** DescribeGroupResponse message. */
            message: string;

            /** DescribeGroupResponse waitsForSnapshot. */
            waitsForSnapshot: boolean;

            /** DescribeGroupResponse keepsLog. */
            keepsLog: boolean;

            /**
             * Encodes the specified DescribeGroupResponse message. Does not implicitly {@link flotilla.admin.DescribeGroupResponse.verify|verify} messages.
             * @param message DescribeGroupResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DescribeGroupResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeGroupResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DescribeGroupResponse & flotilla.admin.DescribeGroupResponse.$Shape} DescribeGroupResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DescribeGroupResponse & flotilla.admin.DescribeGroupResponse.$Shape;
        }

        namespace DescribeGroupResponse {

            /** Properties of a DescribeGroupResponse. */
            interface $Properties {

                /** DescribeGroupResponse groupId */
                groupId?: (string|null);

                /** DescribeGroupResponse type */
                type?: (string|null);

                /** DescribeGroupResponse storeId */
                storeId?: (string|null);

                /** DescribeGroupResponse replica */
                replica?: (number|null);

                /** DescribeGroupResponse role */
                role?: (string|null);

                /** DescribeGroupResponse term */
                term?: (number|null);

                /** DescribeGroupResponse leaderStore */
                leaderStore?: (string|null);

                /** DescribeGroupResponse leaderReplica */
                leaderReplica?: (number|null);

                /** DescribeGroupResponse commitIndex */
                commitIndex?: (number|null);

                /** DescribeGroupResponse appliedIndex */
                appliedIndex?: (number|null);

                /** DescribeGroupResponse firstIndex */
                firstIndex?: (number|null);

                /** DescribeGroupResponse lastIndex */
                lastIndex?: (number|null);

                /** DescribeGroupResponse configuration */
                configuration?: (flotilla.raft.Configuration.$Properties|null);

                /** DescribeGroupResponse oldConfiguration */
                oldConfiguration?: (flotilla.raft.Configuration.$Properties|null);

                /** DescribeGroupResponse progress */
                progress?: (flotilla.admin.ReplicaProgress.$Properties[]|null);

                /** DescribeGroupResponse error */
                error?: (string|null);

                /** DescribeGroupResponse message */
                message?: (string|null);

                /** DescribeGroupResponse waitsForSnapshot */
                waitsForSnapshot?: (boolean|null);

                /** DescribeGroupResponse keepsLog */
                keepsLog?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeGroupResponse. */
            type $Shape = flotilla.admin.DescribeGroupResponse.$Properties;
        }

        /**
         * Properties of a ReplicaProgress.
         * @deprecated Use flotilla.admin.ReplicaProgress.$Properties instead.
         */
        interface IReplicaProgress extends flotilla.admin.ReplicaProgress.$Properties {
        }

        /** Represents a ReplicaProgress. */
        class ReplicaProgress {

            /**
             * Constructs a new ReplicaProgress.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.ReplicaProgress.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReplicaProgress storeId. */
            storeId: string;

            /** ReplicaProgress replica. */
            replica: number;

            /** ReplicaProgress matchIndex. */
            matchIndex: number;

            /** ReplicaProgress nextIndex. */
            nextIndex: number;

            /** ReplicaProgress state. */
            state: string;

            /** ReplicaProgress waitsForSnapshot. */
            waitsForSnapshot: boolean;

            /**
             * Encodes the specified ReplicaProgress message. Does not implicitly {@link flotilla.admin.ReplicaProgress.verify|verify} messages.
             * @param message ReplicaProgress message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.ReplicaProgress.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReplicaProgress message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.ReplicaProgress & flotilla.admin.ReplicaProgress.$Shape} ReplicaProgress
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.ReplicaProgress & flotilla.admin.ReplicaProgress.$Shape;
        }

        namespace ReplicaProgress {

            /** Properties of a ReplicaProgress. */
            interface $Properties {

                /** ReplicaProgress storeId */
                storeId?: (string|null);

                /** ReplicaProgress replica */
                replica?: (number|null);

                /** ReplicaProgress matchIndex */
                matchIndex?: (number|null);

                /** ReplicaProgress nextIndex */
                nextIndex?: (number|null);

                /** ReplicaProgress state */
                state?: (string|null);

                /** ReplicaProgress waitsForSnapshot */
                waitsForSnapshot?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReplicaProgress. */
            type $Shape = flotilla.admin.ReplicaProgress.$Properties;
        }

        /** Consistency enum. */
        enum Consistency {

            /** LINEARIZABLE value */
            LINEARIZABLE = 0,

            /** STALE value */
            STALE = 1
        }

        /**
         * Properties of a QueryRequest.
         * @deprecated Use flotilla.admin.QueryRequest.$Properties instead.
         */
        interface IQueryRequest extends flotilla.admin.QueryRequest.$Properties {
        }

        /** Represents a QueryRequest. */
        class QueryRequest {

            /**
             * Constructs a new QueryRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.QueryRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** QueryRequest groupId. */
            groupId: string;

            /** QueryRequest consistency. */
            consistency: flotilla.admin.Consistency;

            /** QueryRequest data. */
            data: Uint8Array;

            /**
             * Encodes the specified QueryRequest message. Does not implicitly {@link flotilla.admin.QueryRequest.verify|verify} messages.
             * @param message QueryRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.QueryRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a QueryRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.QueryRequest & flotilla.admin.QueryRequest.$Shape} QueryRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.QueryRequest & flotilla.admin.QueryRequest.$Shape;
        }

        namespace QueryRequest {

            /** Properties of a QueryRequest. */
            interface $Properties {

                /** QueryRequest groupId */
                groupId?: (string|null);

                /** QueryRequest consistency */
                consistency?: (flotilla.admin.Consistency|null);

                /** QueryRequest data */
                data?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a QueryRequest. */
            type $Shape = flotilla.admin.QueryRequest.$Properties;
        }

        /**
         * Properties of a QueryResponse.
         * @deprecated Use flotilla.admin.QueryResponse.$Properties instead.
         */
        interface IQueryResponse extends flotilla.admin.QueryResponse.$Properties {
        }

        /** Represents a QueryResponse. */
        class QueryResponse {

            /**
             * Constructs a new QueryResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.QueryResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** QueryResponse data. */
            data: Uint8Array;

            /** QueryResponse appliedIndex. */
            appliedIndex: number;

            /** QueryResponse storeId. */
            storeId: string;

            /**
             * Encodes the specified QueryResponse message. Does not implicitly {@link flotilla.admin.QueryResponse.verify|verify} messages.
             * @param message QueryResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.QueryResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a QueryResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.QueryResponse & flotilla.admin.QueryResponse.$Shape} QueryResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.QueryResponse & flotilla.admin.QueryResponse.$Shape;
        }

        namespace QueryResponse {

            /** Properties of a QueryResponse. */
            interface $Properties {

                /** QueryResponse data */
                data?: (Uint8Array|null);

                /** QueryResponse appliedIndex */
                appliedIndex?: (number|null);

                /** QueryResponse storeId */
                storeId?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a QueryResponse. */
            type $Shape = flotilla.admin.QueryResponse.$Properties;
        }

        /**
         * Properties of a ReadIndexRequest.
         * @deprecated Use flotilla.admin.ReadIndexRequest.$Properties instead.
         */
        interface IReadIndexRequest extends flotilla.admin.ReadIndexRequest.$Properties {
        }

        /** Represents a ReadIndexRequest. */
        class ReadIndexRequest {

            /**
             * Constructs a new ReadIndexRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.ReadIndexRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReadIndexRequest groupId. */
            groupId: string;

            /**
             * Encodes the specified ReadIndexRequest message. Does not implicitly {@link flotilla.admin.ReadIndexRequest.verify|verify} messages.
             * @param message ReadIndexRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.ReadIndexRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReadIndexRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.ReadIndexRequest & flotilla.admin.ReadIndexRequest.$Shape} ReadIndexRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.ReadIndexRequest & flotilla.admin.ReadIndexRequest.$Shape;
        }

        namespace ReadIndexRequest {

            /** Properties of a ReadIndexRequest. */
            interface $Properties {

                /** ReadIndexRequest groupId */
                groupId?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReadIndexRequest. */
            type $Shape = flotilla.admin.ReadIndexRequest.$Properties;
        }

        /**
         * Properties of a ReadIndexResponse.
         * @deprecated Use flotilla.admin.ReadIndexResponse.$Properties instead.
         */
        interface IReadIndexResponse extends flotilla.admin.ReadIndexResponse.$Properties {
        }

        /** Represents a ReadIndexResponse. */
        class ReadIndexResponse {

            /**
             * Constructs a new ReadIndexResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.ReadIndexResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReadIndexResponse index. */
            index: number;

            /**
             * Encodes the specified ReadIndexResponse message. Does not implicitly {@link flotilla.admin.ReadIndexResponse.verify|verify} messages.
             * @param message ReadIndexResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.ReadIndexResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReadIndexResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.ReadIndexResponse & flotilla.admin.ReadIndexResponse.$Shape} ReadIndexResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.ReadIndexResponse & flotilla.admin.ReadIndexResponse.$Shape;
        }

        namespace ReadIndexResponse {

            /** Properties of a ReadIndexResponse. */
            interface $Properties {

                /** ReadIndexResponse index */
                index?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReadIndexResponse. */
            type $Shape = flotilla.admin.ReadIndexResponse.$Properties;
        }

        /**
         * Properties of a DescribeClusterRequest.
         * @deprecated Use flotilla.admin.DescribeClusterRequest.$Properties instead.
         */
        interface IDescribeClusterRequest extends flotilla.admin.DescribeClusterRequest.$Properties {
        }

        /** Represents a DescribeClusterRequest. */
        class DescribeClusterRequest {

            /**
             * Constructs a new DescribeClusterRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DescribeClusterRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeClusterRequest regionsFrom. */
            regionsFrom: number;

            /**
             * Encodes the specified DescribeClusterRequest message. Does not implicitly {@link flotilla.admin.DescribeClusterRequest.verify|verify} messages.
             * @param message DescribeClusterRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DescribeClusterRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeClusterRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DescribeClusterRequest & flotilla.admin.DescribeClusterRequest.$Shape} DescribeClusterRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DescribeClusterRequest & flotilla.admin.DescribeClusterRequest.$Shape;
        }

        namespace DescribeClusterRequest {

            /** Properties of a DescribeClusterRequest. */
            interface $Properties {

                /** DescribeClusterRequest regionsFrom */
                regionsFrom?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeClusterRequest. */
            type $Shape = flotilla.admin.DescribeClusterRequest.$Properties;
        }

        /**
         * Properties of a DescribeClusterResponse.
         * @deprecated Use flotilla.admin.DescribeClusterResponse.$Properties instead.
         */
        interface IDescribeClusterResponse extends flotilla.admin.DescribeClusterResponse.$Properties {
        }

        /** Represents a DescribeClusterResponse. */
        class DescribeClusterResponse {

            /**
             * Constructs a new DescribeClusterResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DescribeClusterResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeClusterResponse stores. */
            stores: flotilla.rpc.StoreAddress.$Properties[];

            /** DescribeClusterResponse regionCount. */
            regionCount: number;

            /** DescribeClusterResponse regions. */
            regions: flotilla.admin.RegionBounds.$Properties[];

            /**
             * Encodes the specified DescribeClusterResponse message. Does not implicitly {@link flotilla.admin.DescribeClusterResponse.verify|verify} messages.
             * @param message DescribeClusterResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DescribeClusterResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeClusterResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DescribeClusterResponse & flotilla.admin.DescribeClusterResponse.$Shape} DescribeClusterResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DescribeClusterResponse & flotilla.admin.DescribeClusterResponse.$Shape;
        }

        namespace DescribeClusterResponse {

            /** Properties of a DescribeClusterResponse. */
            interface $Properties {

                /** DescribeClusterResponse stores */
                stores?: (flotilla.rpc.StoreAddress.$Properties[]|null);

                /** DescribeClusterResponse regionCount */
                regionCount?: (number|null);

                /** DescribeClusterResponse regions */
                regions?: (flotilla.admin.RegionBounds.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeClusterResponse. */
            type $Shape = flotilla.admin.DescribeClusterResponse.$Properties;
        }

        /**
         * Properties of a RegionBounds.
         * @deprecated Use flotilla.admin.RegionBounds.$Properties instead.
         */
        interface IRegionBounds extends flotilla.admin.RegionBounds.$Properties {
        }

        /** Represents a RegionBounds. */
        class RegionBounds {

            /**
             * Constructs a new RegionBounds.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.RegionBounds.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** RegionBounds groupId. */
            groupId: string;

            /** RegionBounds start. */
            start: Uint8Array;

            /** RegionBounds end. */
            end?: (Uint8Array|null);

            /**
             * Encodes the specified RegionBounds message. Does not implicitly {@link flotilla.admin.RegionBounds.verify|verify} messages.
             * @param message RegionBounds message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.RegionBounds.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a RegionBounds message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.RegionBounds & flotilla.admin.RegionBounds.$Shape} RegionBounds
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.RegionBounds & flotilla.admin.RegionBounds.$Shape;
        }

        namespace RegionBounds {

            /** Properties of a RegionBounds. */
            interface $Properties {

                /** RegionBounds groupId */
                groupId?: (string|null);

                /** RegionBounds start */
                start?: (Uint8Array|null);

                /** RegionBounds end */
                end?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a RegionBounds. */
            type $Shape = flotilla.admin.RegionBounds.$Properties;
        }

        /**
         * Properties of a DescribeStoreRequest.
         * @deprecated Use flotilla.admin.DescribeStoreRequest.$Properties instead.
         */
        interface IDescribeStoreRequest extends flotilla.admin.DescribeStoreRequest.$Properties {
        }

        /** Represents a DescribeStoreRequest. */
        class DescribeStoreRequest {

            /**
             * Constructs a new DescribeStoreRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DescribeStoreRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /**
             * Encodes the specified DescribeStoreRequest message. Does not implicitly {@link flotilla.admin.DescribeStoreRequest.verify|verify} messages.
             * @param message DescribeStoreRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DescribeStoreRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeStoreRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DescribeStoreRequest & flotilla.admin.DescribeStoreRequest.$Shape} DescribeStoreRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DescribeStoreRequest & flotilla.admin.DescribeStoreRequest.$Shape;
        }

        namespace DescribeStoreRequest {

            /** Properties of a DescribeStoreRequest. */
            interface $Properties {

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeStoreRequest. */
            type $Shape = flotilla.admin.DescribeStoreRequest.$Properties;
        }

        /**
         * Properties of a DescribeStoreResponse.
         * @deprecated Use flotilla.admin.DescribeStoreResponse.$Properties instead.
         */
        interface IDescribeStoreResponse extends flotilla.admin.DescribeStoreResponse.$Properties {
        }

        /** Represents a DescribeStoreResponse. */
        class DescribeStoreResponse {

            /**
             * Constructs a new DescribeStoreResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DescribeStoreResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DescribeStoreResponse storeId. */
            storeId: string;

            /** DescribeStoreResponse address. */
            address: string;

            /** DescribeStoreResponse incarnation. */
            incarnation: string;

            /** DescribeStoreResponse boot. */
            boot: number;

            /** DescribeStoreResponse version. */
            version: string;

            /** DescribeStoreResponse protocolMin. */
            protocolMin: number;

            /** DescribeStoreResponse protocolMax. */
            protocolMax: number;

            /** DescribeStoreResponse dataFormat. */
            dataFormat: number;

            /** DescribeStoreResponse groupsHosted. */
            groupsHosted: number;

            /** DescribeStoreResponse groupsLed. */
            groupsLed: number;

            /** DescribeStoreResponse groupsFailed. */
            groupsFailed: number;

            /** DescribeStoreResponse suspectError. */
            suspectError: string;

            /** DescribeStoreResponse suspectMessage. */
            suspectMessage: string;

            /** DescribeStoreResponse peers. */
            peers: flotilla.admin.PeerReport.$Properties[];

            /** DescribeStoreResponse shards. */
            shards: number;

            /** DescribeStoreResponse clients. */
            clients: number;

            /**
             * Encodes the specified DescribeStoreResponse message. Does not implicitly {@link flotilla.admin.DescribeStoreResponse.verify|verify} messages.
             * @param message DescribeStoreResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DescribeStoreResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DescribeStoreResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DescribeStoreResponse & flotilla.admin.DescribeStoreResponse.$Shape} DescribeStoreResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DescribeStoreResponse & flotilla.admin.DescribeStoreResponse.$Shape;
        }

        namespace DescribeStoreResponse {

            /** Properties of a DescribeStoreResponse. */
            interface $Properties {

                /** DescribeStoreResponse storeId */
                storeId?: (string|null);

                /** DescribeStoreResponse address */
                address?: (string|null);

                /** DescribeStoreResponse incarnation */
                incarnation?: (string|null);

                /** DescribeStoreResponse boot */
                boot?: (number|null);

                /** DescribeStoreResponse version */
                version?: (string|null);

                /** DescribeStoreResponse protocolMin */
                protocolMin?: (number|null);

                /** DescribeStoreResponse protocolMax */
                protocolMax?: (number|null);

                /** DescribeStoreResponse dataFormat */
                dataFormat?: (number|null);

                /** DescribeStoreResponse groupsHosted */
                groupsHosted?: (number|null);

                /** DescribeStoreResponse groupsLed */
                groupsLed?: (number|null);

                /** DescribeStoreResponse groupsFailed */
                groupsFailed?: (number|null);

                /** DescribeStoreResponse suspectError */
                suspectError?: (string|null);

                /** DescribeStoreResponse suspectMessage */
                suspectMessage?: (string|null);

                /** DescribeStoreResponse peers */
                peers?: (flotilla.admin.PeerReport.$Properties[]|null);

                /** DescribeStoreResponse shards */
                shards?: (number|null);

                /** DescribeStoreResponse clients */
                clients?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DescribeStoreResponse. */
            type $Shape = flotilla.admin.DescribeStoreResponse.$Properties;
        }

        /**
         * Properties of a PeerReport.
         * @deprecated Use flotilla.admin.PeerReport.$Properties instead.
         */
        interface IPeerReport extends flotilla.admin.PeerReport.$Properties {
        }

        /** Represents a PeerReport. */
        class PeerReport {

            /**
             * Constructs a new PeerReport.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.PeerReport.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** PeerReport storeId. */
            storeId: string;

            /** PeerReport connected. */
            connected: boolean;

            /** PeerReport address. */
            address: string;

            /** PeerReport error. */
            error: string;

            /** PeerReport message. */
            message: string;

            /**
             * Encodes the specified PeerReport message. Does not implicitly {@link flotilla.admin.PeerReport.verify|verify} messages.
             * @param message PeerReport message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.PeerReport.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a PeerReport message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.PeerReport & flotilla.admin.PeerReport.$Shape} PeerReport
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.PeerReport & flotilla.admin.PeerReport.$Shape;
        }

        namespace PeerReport {

            /** Properties of a PeerReport. */
            interface $Properties {

                /** PeerReport storeId */
                storeId?: (string|null);

                /** PeerReport connected */
                connected?: (boolean|null);

                /** PeerReport address */
                address?: (string|null);

                /** PeerReport error */
                error?: (string|null);

                /** PeerReport message */
                message?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a PeerReport. */
            type $Shape = flotilla.admin.PeerReport.$Properties;
        }

        /**
         * Properties of a ListReplicasRequest.
         * @deprecated Use flotilla.admin.ListReplicasRequest.$Properties instead.
         */
        interface IListReplicasRequest extends flotilla.admin.ListReplicasRequest.$Properties {
        }

        /** Represents a ListReplicasRequest. */
        class ListReplicasRequest {

            /**
             * Constructs a new ListReplicasRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.ListReplicasRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListReplicasRequest after. */
            after: string;

            /**
             * Encodes the specified ListReplicasRequest message. Does not implicitly {@link flotilla.admin.ListReplicasRequest.verify|verify} messages.
             * @param message ListReplicasRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.ListReplicasRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListReplicasRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.ListReplicasRequest & flotilla.admin.ListReplicasRequest.$Shape} ListReplicasRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.ListReplicasRequest & flotilla.admin.ListReplicasRequest.$Shape;
        }

        namespace ListReplicasRequest {

            /** Properties of a ListReplicasRequest. */
            interface $Properties {

                /** ListReplicasRequest after */
                after?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListReplicasRequest. */
            type $Shape = flotilla.admin.ListReplicasRequest.$Properties;
        }

        /**
         * Properties of a ListReplicasResponse.
         * @deprecated Use flotilla.admin.ListReplicasResponse.$Properties instead.
         */
        interface IListReplicasResponse extends flotilla.admin.ListReplicasResponse.$Properties {
        }

        /** Represents a ListReplicasResponse. */
        class ListReplicasResponse {

            /**
             * Constructs a new ListReplicasResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.ListReplicasResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListReplicasResponse replicas. */
            replicas: Uint8Array[];

            /** ListReplicasResponse done. */
            done: boolean;

            /**
             * Encodes the specified ListReplicasResponse message. Does not implicitly {@link flotilla.admin.ListReplicasResponse.verify|verify} messages.
             * @param message ListReplicasResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.ListReplicasResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListReplicasResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.ListReplicasResponse & flotilla.admin.ListReplicasResponse.$Shape} ListReplicasResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.ListReplicasResponse & flotilla.admin.ListReplicasResponse.$Shape;
        }

        namespace ListReplicasResponse {

            /** Properties of a ListReplicasResponse. */
            interface $Properties {

                /** ListReplicasResponse replicas */
                replicas?: (Uint8Array[]|null);

                /** ListReplicasResponse done */
                done?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListReplicasResponse. */
            type $Shape = flotilla.admin.ListReplicasResponse.$Properties;
        }

        /**
         * Properties of a DigestRequest.
         * @deprecated Use flotilla.admin.DigestRequest.$Properties instead.
         */
        interface IDigestRequest extends flotilla.admin.DigestRequest.$Properties {
        }

        /** Represents a DigestRequest. */
        class DigestRequest {

            /**
             * Constructs a new DigestRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DigestRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DigestRequest groupId. */
            groupId: string;

            /** DigestRequest atIndex. */
            atIndex: number;

            /**
             * Encodes the specified DigestRequest message. Does not implicitly {@link flotilla.admin.DigestRequest.verify|verify} messages.
             * @param message DigestRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DigestRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DigestRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DigestRequest & flotilla.admin.DigestRequest.$Shape} DigestRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DigestRequest & flotilla.admin.DigestRequest.$Shape;
        }

        namespace DigestRequest {

            /** Properties of a DigestRequest. */
            interface $Properties {

                /** DigestRequest groupId */
                groupId?: (string|null);

                /** DigestRequest atIndex */
                atIndex?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DigestRequest. */
            type $Shape = flotilla.admin.DigestRequest.$Properties;
        }

        /**
         * Properties of a DigestResponse.
         * @deprecated Use flotilla.admin.DigestResponse.$Properties instead.
         */
        interface IDigestResponse extends flotilla.admin.DigestResponse.$Properties {
        }

        /** Represents a DigestResponse. */
        class DigestResponse {

            /**
             * Constructs a new DigestResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.admin.DigestResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DigestResponse appliedIndex. */
            appliedIndex: number;

            /** DigestResponse appliedTerm. */
            appliedTerm: number;

            /** DigestResponse keys. */
            keys: number;

            /** DigestResponse bytes. */
            bytes: number;

            /** DigestResponse digest. */
            digest: string;

            /**
             * Encodes the specified DigestResponse message. Does not implicitly {@link flotilla.admin.DigestResponse.verify|verify} messages.
             * @param message DigestResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.admin.DigestResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DigestResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.admin.DigestResponse & flotilla.admin.DigestResponse.$Shape} DigestResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.admin.DigestResponse & flotilla.admin.DigestResponse.$Shape;
        }

        namespace DigestResponse {

            /** Properties of a DigestResponse. */
            interface $Properties {

                /** DigestResponse appliedIndex */
                appliedIndex?: (number|null);

                /** DigestResponse appliedTerm */
                appliedTerm?: (number|null);

                /** DigestResponse keys */
                keys?: (number|null);

                /** DigestResponse bytes */
                bytes?: (number|null);

                /** DigestResponse digest */
                digest?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DigestResponse. */
            type $Shape = flotilla.admin.DigestResponse.$Properties;
        }
    }

    /** Namespace kv. */
    namespace kv {

        /**
         * Properties of a GetRequest.
         * @deprecated Use flotilla.kv.GetRequest.$Properties instead.
         */
        interface IGetRequest extends flotilla.kv.GetRequest.$Properties {
        }

        /** Represents a GetRequest. */
        class GetRequest {

            /**
             * Constructs a new GetRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.kv.GetRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetRequest groupId. */
            groupId: string;

            /** GetRequest keys. */
            keys: Uint8Array[];

            /** GetRequest consistency. */
            consistency: flotilla.admin.Consistency;

            /**
             * Encodes the specified GetRequest message. Does not implicitly {@link flotilla.kv.GetRequest.verify|verify} messages.
             * @param message GetRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.kv.GetRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.kv.GetRequest & flotilla.kv.GetRequest.$Shape} GetRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.kv.GetRequest & flotilla.kv.GetRequest.$Shape;
        }

        namespace GetRequest {

            /** Properties of a GetRequest. */
            interface $Properties {

                /** GetRequest groupId */
                groupId?: (string|null);

                /** GetRequest keys */
                keys?: (Uint8Array[]|null);

                /** GetRequest consistency */
                consistency?: (flotilla.admin.Consistency|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetRequest. */
            type $Shape = flotilla.kv.GetRequest.$Properties;
        }

        /**
         * Properties of a GetResponse.
         * @deprecated Use flotilla.kv.GetResponse.$Properties instead.
         */
        interface IGetResponse extends flotilla.kv.GetResponse.$Properties {
        }

        /** Represents a GetResponse. */
        class GetResponse {

            /**
             * Constructs a new GetResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.kv.GetResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetResponse present. */
            present: boolean[];

            /** GetResponse values. */
            values: Uint8Array[];

            /** GetResponse appliedIndex. */
            appliedIndex: number;

            /** GetResponse storeId. */
            storeId: string;

            /**
             * Encodes the specified GetResponse message. Does not implicitly {@link flotilla.kv.GetResponse.verify|verify} messages.
             * @param message GetResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.kv.GetResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.kv.GetResponse & flotilla.kv.GetResponse.$Shape} GetResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.kv.GetResponse & flotilla.kv.GetResponse.$Shape;
        }

        namespace GetResponse {

            /** Properties of a GetResponse. */
            interface $Properties {

                /** GetResponse present */
                present?: (boolean[]|null);

                /** GetResponse values */
                values?: (Uint8Array[]|null);

                /** GetResponse appliedIndex */
                appliedIndex?: (number|null);

                /** GetResponse storeId */
                storeId?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetResponse. */
            type $Shape = flotilla.kv.GetResponse.$Properties;
        }

        /**
         * Properties of a ScanRequest.
         * @deprecated Use flotilla.kv.ScanRequest.$Properties instead.
         */
        interface IScanRequest extends flotilla.kv.ScanRequest.$Properties {
        }

        /** Represents a ScanRequest. */
        class ScanRequest {

            /**
             * Constructs a new ScanRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.kv.ScanRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ScanRequest groupId. */
            groupId: string;

            /** ScanRequest gte. */
            gte?: (Uint8Array|null);

            /** ScanRequest gt. */
            gt?: (Uint8Array|null);

            /** ScanRequest lte. */
            lte?: (Uint8Array|null);

            /** ScanRequest lt. */
            lt?: (Uint8Array|null);

            /** ScanRequest reverse. */
            reverse: boolean;

            /** ScanRequest limit. */
            limit: number;

            /** ScanRequest keys. */
            keys: boolean;

            /** ScanRequest values. */
            values: boolean;

            /** ScanRequest consistency. */
            consistency: flotilla.admin.Consistency;

            /** ScanRequest view. */
            view: number;

            /** ScanRequest goesOn. */
            goesOn: boolean;

            /**
             * Encodes the specified ScanRequest message. Does not implicitly {@link flotilla.kv.ScanRequest.verify|verify} messages.
             * @param message ScanRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.kv.ScanRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ScanRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.kv.ScanRequest & flotilla.kv.ScanRequest.$Shape} ScanRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.kv.ScanRequest & flotilla.kv.ScanRequest.$Shape;
        }

        namespace ScanRequest {

            /** Properties of a ScanRequest. */
            interface $Properties {

                /** ScanRequest groupId */
                groupId?: (string|null);

                /** ScanRequest gte */
                gte?: (Uint8Array|null);

                /** ScanRequest gt */
                gt?: (Uint8Array|null);

                /** ScanRequest lte */
                lte?: (Uint8Array|null);

                /** ScanRequest lt */
                lt?: (Uint8Array|null);

                /** ScanRequest reverse */
                reverse?: (boolean|null);

                /** ScanRequest limit */
                limit?: (number|null);

                /** ScanRequest keys */
                keys?: (boolean|null);

                /** ScanRequest values */
                values?: (boolean|null);

                /** ScanRequest consistency */
                consistency?: (flotilla.admin.Consistency|null);

                /** ScanRequest view */
                view?: (number|null);

                /** ScanRequest goesOn */
                goesOn?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ScanRequest. */
            type $Shape = flotilla.kv.ScanRequest.$Properties;
        }

        /**
         * Properties of a CloseScanRequest.
         * @deprecated Use flotilla.kv.CloseScanRequest.$Properties instead.
         */
        interface ICloseScanRequest extends flotilla.kv.CloseScanRequest.$Properties {
        }

        /** Represents a CloseScanRequest. */
        class CloseScanRequest {

            /**
             * Constructs a new CloseScanRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.kv.CloseScanRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** CloseScanRequest view. */
            view: number;

            /**
             * Encodes the specified CloseScanRequest message. Does not implicitly {@link flotilla.kv.CloseScanRequest.verify|verify} messages.
             * @param message CloseScanRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.kv.CloseScanRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a CloseScanRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.kv.CloseScanRequest & flotilla.kv.CloseScanRequest.$Shape} CloseScanRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.kv.CloseScanRequest & flotilla.kv.CloseScanRequest.$Shape;
        }

        namespace CloseScanRequest {

            /** Properties of a CloseScanRequest. */
            interface $Properties {

                /** CloseScanRequest view */
                view?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a CloseScanRequest. */
            type $Shape = flotilla.kv.CloseScanRequest.$Properties;
        }

        /**
         * Properties of a ScanResponse.
         * @deprecated Use flotilla.kv.ScanResponse.$Properties instead.
         */
        interface IScanResponse extends flotilla.kv.ScanResponse.$Properties {
        }

        /** Represents a ScanResponse. */
        class ScanResponse {

            /**
             * Constructs a new ScanResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: flotilla.kv.ScanResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ScanResponse keys. */
            keys: Uint8Array[];

            /** ScanResponse values. */
            values: Uint8Array[];

            /** ScanResponse done. */
            done: boolean;

            /** ScanResponse appliedIndex. */
            appliedIndex: number;

            /**
             * Encodes the specified ScanResponse message. Does not implicitly {@link flotilla.kv.ScanResponse.verify|verify} messages.
             * @param message ScanResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: flotilla.kv.ScanResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ScanResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {flotilla.kv.ScanResponse & flotilla.kv.ScanResponse.$Shape} ScanResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): flotilla.kv.ScanResponse & flotilla.kv.ScanResponse.$Shape;
        }

        namespace ScanResponse {

            /** Properties of a ScanResponse. */
            interface $Properties {

                /** ScanResponse keys */
                keys?: (Uint8Array[]|null);

                /** ScanResponse values */
                values?: (Uint8Array[]|null);

                /** ScanResponse done */
                done?: (boolean|null);

                /** ScanResponse appliedIndex */
                appliedIndex?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ScanResponse. */
            type $Shape = flotilla.kv.ScanResponse.$Properties;
        }
    }
}
