/* The messages between the Raspberry Pi and the controller: the table of ../README.md, in C.
 *
 * Each message is one list of fields; structs, packing and the printed table (host/table.c) all follow from it.
 * Numbers are little-endian and packed without gaps. */
#ifndef LC_PROTOCOL_H
#define LC_PROTOCOL_H

#define LC_PROTOCOL 1
#define LC_FIRMWARE 0x010000u /* 1.0.0: major, minor, patch, one byte each */

/* X(number, name, sender): events are sent by the controller until they are RECEIVED. */
#define LC_MESSAGES(X)          \
    X(0x01, hello, "pi")        \
    X(0x02, config, "pi")       \
    X(0x03, heartbeat, "pi")    \
    X(0x04, reject, "pi")       \
    X(0x05, pass, "pi")         \
    X(0x06, fire, "pi")         \
    X(0x07, received, "pi")     \
    X(0x81, status, "mcu")      \
    X(0x82, ack, "mcu")         \
    X(0x83, nak, "mcu")         \
    X(0x84, alive, "mcu")       \
    X(0x91, trigger, "event")   \
    X(0x92, fired, "event")     \
    X(0x93, late, "event")      \
    X(0x94, fault, "event")

#define LC_FIELDS_hello(F) F(u8, protocol) F(u32, session)
#define LC_FIELDS_config(F)                                                                            \
    F(u32, session) F(u32, distance) F(u16, pulse) F(u16, eye_gap) F(u16, eye_blocked) F(u16, silence_ms) \
    F(u16, feedback_ms) F(u8, late) F(u8, failsafe)
#define LC_FIELDS_heartbeat(F) F(u32, session)
#define LC_FIELDS_reject(F) F(u32, session) F(u32, part) F(u32, tick)
#define LC_FIELDS_pass(F) F(u32, session) F(u32, part) F(u32, tick)
#define LC_FIELDS_fire(F) F(u32, session)
#define LC_FIELDS_received(F) F(u32, session) F(u8, again)
#define LC_FIELDS_status(F)                                                                                 \
    F(u8, protocol) F(u32, firmware) F(u32, session) F(u32, boots) F(u32, uptime_ms) F(u32, time_us) F(u32, tick) \
    F(u8, queue) F(u8, flags) F(u8, next_event) F(u32, triggers) F(u32, fired) F(u32, passed) F(u32, late)  \
    F(u32, untracked) F(u32, lost_events) F(u32, bad_frames)
#define LC_FIELDS_ack(F) F(u8, request) F(u32, part)
#define LC_FIELDS_nak(F) F(u8, request) F(u8, reason) F(u32, part)
#define LC_FIELDS_alive(F) F(u32, session) F(u32, time_us) F(u32, tick) F(u8, flags)
#define LC_FIELDS_trigger(F) F(u32, part) F(u32, tick) F(u32, time_us)
#define LC_FIELDS_fired(F) F(u32, part) F(u32, tick)
#define LC_FIELDS_late(F) F(u32, part) F(u32, tick) F(u8, reason) F(u8, action)
#define LC_FIELDS_fault(F) F(u8, kind) F(u8, active) F(u32, tick)

/* X(number, group, name) */
#define LC_CONSTANTS(X)            \
    X(1, NAK, past)                \
    X(2, NAK, full)                \
    X(3, NAK, unknown)             \
    X(4, NAK, session)             \
    X(5, NAK, malformed)           \
    X(6, NAK, protocol)            \
    X(1, LATE, undecided)          \
    X(2, LATE, failsafe)           \
    X(3, LATE, reconfigured)       \
    X(0, ACTION, pass)             \
    X(1, ACTION, reject)           \
    X(1, FAULT, gate_stuck)        \
    X(2, FAULT, eye_blocked)       \
    X(3, FAULT, encoder_silent)    \
    X(1, FLAG, failsafe)           \
    X(2, FLAG, gate_open)          \
    X(4, FLAG, eye_blocked)        \
    X(8, FLAG, gate_stuck)         \
    X(16, FLAG, encoder_silent)    \
    X(32, FLAG, configured)

#define LC_NUMBER(number, name, direction) LC_##name = number,
#define LC_VALUE(number, group, name) LC_##group##_##name = number,
enum lc_type { LC_MESSAGES(LC_NUMBER) };
enum lc_constant { LC_CONSTANTS(LC_VALUE) };

#define LC_FIRE_TEST 0xFFFFFFFFu /* part number in the FIRED that follows FIRE */
#define LC_MAX_PAYLOAD 64        /* bytes */

#endif
