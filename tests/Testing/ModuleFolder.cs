using System.Reflection;

namespace LlmRing.Testing;

/// <summary>A temporary folder for <c>LLMRING_MODULES_PATH</c> with copies of modules that the solution built.</summary>
public sealed class ModuleFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("llmring-modules-");

    /// <param name="projects">Project folders of the modules, e.g. <c>samples/Modules.Budgets</c>.</param>
    public ModuleFolder(params string[] projects)
    {
        foreach (var project in projects)
            Add(project, System.IO.Path.GetFileName(project));
    }

    /// <summary>The absolute path of the folder.</summary>
    public string Path => _folder.FullName;

    /// <summary>Copies the build output of a project into the subfolder <paramref name="name"/>.</summary>
    /// <returns>The absolute path of the subfolder.</returns>
    public string Add(string project, string name)
    {
        var target = _folder.CreateSubdirectory(name);
        foreach (var file in new DirectoryInfo(System.IO.Path.Combine(Repository.Root, project, "bin", Configuration, "net10.0")).EnumerateFiles())
            file.CopyTo(System.IO.Path.Combine(target.FullName, file.Name));
        return target.FullName;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Configuration => typeof(ModuleFolder).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
}
