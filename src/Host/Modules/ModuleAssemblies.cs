using System.Reflection;
using System.Runtime.Loader;
using FastEndpoints;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Modules;

/// <summary>
/// Loads the assemblies of modules: the built-in ones, and those of the folder <c>LLMRING_MODULES_PATH</c>. There, every
/// <c>*.deps.json</c>, in the folder or in a direct subfolder, marks the assembly of a module. A module has its own load context
/// for its own dependencies, and shares the assemblies that the host has.
/// </summary>
internal static class ModuleAssemblies
{
    private const string Dependencies = ".deps.json";

    /// <summary>Finds the enabled modules of this server.</summary>
    /// <exception cref="OperatorErrorException">As of <see cref="Load"/> and <see cref="ModuleCatalog.Discover"/>.</exception>
    public static ModuleCatalog Discover(ModuleSettings settings) => ModuleCatalog.Discover(Load(settings.Path), settings.Modules);

    /// <summary>Loads the assemblies.</summary>
    /// <param name="folder">Folder of further modules; null: only the built-in ones.</param>
    /// <exception cref="OperatorErrorException">
    /// The folder is absent or not readable, or an assembly in it is not a module, or not one for this version of the server.
    /// </exception>
    public static IReadOnlyList<Assembly> Load(string? folder) => folder is null
        ? BuiltInModules.Assemblies
        :
        [
            .. BuiltInModules.Assemblies,
            .. FindMarkers(folder).Select(marker => LoadModule(Path.GetFullPath(marker[..^Dependencies.Length] + ".dll"))),
        ];

    private static List<string> FindMarkers(string folder)
    {
        if (!Directory.Exists(folder))
            throw new OperatorErrorException($"LLMRING_MODULES_PATH is '{folder}'; accepted: a folder that exists");

        try
        {
            List<string> places = [folder, .. Directory.EnumerateDirectories(folder)];
            // The folder of a single module may have subfolders without modules, e.g. for languages.
            if (MarkersOf(folder).Length == 0)
                places.ForEach(RequireMarker);
            return [.. places.SelectMany(MarkersOf).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OperatorErrorException(
                $"LLMRING_MODULES_PATH is '{folder}', which cannot be read: {exception.Message.ReplaceLineEndings(" ")}", exception);
        }
    }

    private static string[] MarkersOf(string folder) => Directory.GetFiles(folder, $"*{Dependencies}");

    /// <summary>Without this check a module whose <c>*.deps.json</c> was not copied would be missing without a message.</summary>
    private static void RequireMarker(string folder)
    {
        if (MarkersOf(folder).Length == 0 && Directory.EnumerateFiles(folder, "*.dll").FirstOrDefault() is { } assembly)
            throw new OperatorErrorException(
                $"{assembly} has no *{Dependencies} beside it, by which a module is found; copy the whole folder that was built");
    }

    private static Assembly LoadModule(string path)
    {
        if (!File.Exists(path))
            throw new OperatorErrorException($"The module {path} does not load: there is only its {Dependencies}");

        Assembly assembly;
        try
        {
            assembly = new ModuleLoadContext(path).LoadFromAssemblyPath(path);
            RequireSameContract(assembly, path);
            RequireOneModule(assembly, path);
        }
        catch (Exception exception) when (
            exception is IOException or UnauthorizedAccessException or BadImageFormatException
                or ReflectionTypeLoadException or TypeLoadException or InvalidOperationException)
        {
            var reason = (exception as ReflectionTypeLoadException)?.LoaderExceptions.FirstOrDefault()?.Message ?? exception.Message;
            throw new OperatorErrorException($"The module {path} does not load: {reason.ReplaceLineEndings(" ")}", exception);
        }

        return assembly;
    }

    /// <summary>Endpoints and migrations of an assembly belong to its one module.</summary>
    private static void RequireOneModule(Assembly assembly, string path)
    {
        var classes = assembly.GetTypes().Where(
            type => type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(IModule))).ToList();
        if (classes.Count == 0)
            throw new OperatorErrorException($"{path} holds no module: no class in it implements {typeof(IModule).FullName}");
        if (classes.Count > 1)
        {
            throw new OperatorErrorException(
                $"{path} holds {classes.Count} modules; accepted: one class that implements {typeof(IModule).FullName}, "
                + $"not {string.Join(" and ", classes.Select(type => type.FullName))}");
        }

        if (!classes[0].IsVisible || classes[0].GetConstructor([]) is null)
            throw new OperatorErrorException(
                $"{path} holds no module: {classes[0].FullName} is not public, or has no public constructor without parameters");
    }

    /// <summary>Before version 1, semantic versioning lets a minor version change the contract.</summary>
    private static void RequireSameContract(Assembly assembly, string path)
    {
        var contract = typeof(IModule).Assembly.GetName();
        var built = assembly.GetReferencedAssemblies().FirstOrDefault(reference => reference.Name == contract.Name)?.Version
            ?? throw new OperatorErrorException($"{path} holds no module: it does not reference {contract.Name}");
        if (built.Major != contract.Version!.Major || built.Minor != contract.Version.Minor)
            throw new OperatorErrorException(
                $"The module {path} was built against {contract.Name} {built.ToString(3)}; this server has {contract.Version.ToString(3)}");

        var endpoints = assembly.GetReferencedAssemblies().FirstOrDefault(
            reference => reference.Name == typeof(BaseEndpoint).Assembly.GetName().Name);
        if (endpoints is not null && endpoints.Version > typeof(BaseEndpoint).Assembly.GetName().Version)
            throw new OperatorErrorException(
                $"The module {path} was built against FastEndpoints {endpoints.Version?.ToString(3)}, which is newer than this server's");
    }

    /// <summary>
    /// Prefers the assemblies of the host: types of a module's own copy would not be the host's types, so endpoints and contracts
    /// would not be recognized.
    /// </summary>
    private sealed class ModuleLoadContext(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            try
            {
                return Default.LoadFromAssemblyName(assemblyName);
            }
            catch (FileNotFoundException)
            {
                return _resolver.ResolveAssemblyToPath(assemblyName) is { } own ? LoadFromAssemblyPath(own) : null;
            }
        }

        protected override IntPtr LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } own ? LoadUnmanagedDllFromPath(own) : IntPtr.Zero;
    }
}
