namespace LlmRing.Host.Startup;

/// <summary>Writes the lines of the commands; names in them may come from strangers, so control characters are escaped.</summary>
internal static class Terminal
{
    /// <summary>Writes a line to the standard output.</summary>
    public static void WriteLine(string line) => Console.WriteLine(ControlCharacters.Escape(line));

    /// <summary>Writes a line to the standard error.</summary>
    public static void WriteErrorLine(string line) => Console.Error.WriteLine(ControlCharacters.Escape(line));
}
