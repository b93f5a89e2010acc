// Package iso20022 writes the files of payments that most banks take, pain.001, and reads
// what they answer, pain.002. It knows no database and no network.
//
// A Format is a rail.Format made of a Profile, which is data: the version, the
// characters, the codes and the limits of one bank. Profiles has starting points; banks
// differ, and their guides come first. Make reads what an operator changed of one:
//
//	{"base": "hk-fps", "name": "hsbc-fps", "local_instrument": {"proprietary": "HKFPS"}}
//
// Ids of ours are written with a hyphen for the underscore, which bank files do not know;
// EndToEndId is the payout's, MsgId and PmtInfId the batch's. Original reads them back.
//
// The schema wants an id of the creditor's account even where FPS finds the account by a
// proxy: a placeholder stands there, and the proxy in CdtrAcct/Prxy. A schema knows only
// forms, so tests hold every profile's files against the ISO schemas of both versions; no
// bank's own test system has seen them yet.
//
// What a bank answers, and what it means, is told by ReadStatus: only a file without any
// contradiction says something. Recalls (camt.055) are not written yet.
//
// A file is written as its instructions are read: 100,000 credits (hk-fps) take 1.0 s and
// 3.6 MiB of heap at most, 337 bytes of garbage each; reading 100,000 statuses back takes
// 1.6 to 2.6 s (BenchmarkWrite100000Credits, BenchmarkRead100000Statuses; two cores of an AMD
// EPYC that others used too, 2026-11-25). The bar for writing is 2 s and 32 MB.
package iso20022
