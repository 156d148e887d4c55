using LlmRing.Testing;

namespace LlmRing.Architecture.Tests;

/// <summary>The C# files under <c>src/</c>, without generated ones.</summary>
internal static class SourceCode
{
    /// <summary>The lines of all files, each with its place as <c>src/Host/Program.cs:7</c>.</summary>
    public static IEnumerable<(string Place, string Text)> Lines =>
        Directory.EnumerateFiles(Root, "*.cs", SearchOption.AllDirectories)
            .Where(file => !IsGenerated(file))
            .SelectMany(file => File.ReadLines(file)
                .Select((text, index) => ($"{Path.GetRelativePath(Repository.Root, file)}:{index + 1}", text)));

    /// <summary>The root folders of the built-in modules.</summary>
    public static IEnumerable<string> ModuleFolders => Directory.EnumerateDirectories(Root, "Modules.*");

    private static string Root => Path.Combine(Repository.Root, "src");

    private static bool IsGenerated(string file) =>
        Path.GetRelativePath(Root, file).Split(Path.DirectorySeparatorChar).Intersect(["bin", "obj"]).Any();
}
