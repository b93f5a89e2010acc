// Package mail sends short plain-text mails: codes, links and notices.
//
// Mails are never stored, because they hold codes. Post puts a message into a
// bounded queue in memory; Queue.Run hands it to a Sender, tries again a few
// times and then gives up with a line in the log. A process that dies loses what
// it had queued: every page that waits for a mail has a "send again" button. When
// the queue is full, Post says so and the page asks to try again.
//
// Senders: SMTP for the world, Inbox for development and tests. Neither the log
// nor an error ever shows an address, a subject or a text.
package mail
