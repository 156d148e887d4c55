namespace LlmRing.Shared.Settings;

/// <summary>
/// The server cannot start, or a command cannot run, for a reason that the operator can mend. The message is one line, which is
/// printed without a stack trace; the exit code is 1.
/// </summary>
/// <param name="message">One line: the fault, and what is accepted.</param>
/// <param name="inner">The technical cause.</param>
public sealed class OperatorErrorException(string message, Exception? inner = null) : Exception(message, inner);
