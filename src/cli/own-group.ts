/**
 * How a child is started that ends when we say so: in a process group of its own. What a terminal sends to our group, Ctrl-C
 * above all, is then heard by us alone. Else a child that is still being loaded dies of it, and which of the two we hear of
 * first, its end or the signal, would decide how we end. When we die without a word the child sees its channel close.
 * On Windows it would get a console window, and there are no such groups.
 */
export const OWN_GROUP = { detached: process.platform !== 'win32' }
