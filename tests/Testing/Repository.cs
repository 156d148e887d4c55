namespace LlmRing.Testing;

/// <summary>The working copy of this repository that the tests were built in.</summary>
public static class Repository
{
    /// <summary>The absolute path of the root folder, which holds <c>LlmRing.slnx</c>.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "LlmRing.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
