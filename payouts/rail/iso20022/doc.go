// Package iso20022 writes files of payments for banks (pain.001, customer credit
// transfer initiation) and reads what the bank makes of them (pain.002, payment
// status report). What one bank wants is a Profile, which is data.
//
// Since November 2026 banks take pain.001.001.09 with addresses in parts; .03 is
// there for those that have not moved. A file is streamed and the same for the same batch.
//
// The schema of .09 wants the id of the payee's account even where a proxy stands for it
// (an FPS identifier, a mobile number, an e-mail address): then a placeholder is
// written, NOTPROVIDED unless the bank says otherwise. Nothing else in the file
// depends on it.
//
// Ids of ours are written with a hyphen for the underscore, which bank files do not
// know (Written, Original).
//
// Texts are restricted to the profile's characters and cut by characters (package letters).
package iso20022
