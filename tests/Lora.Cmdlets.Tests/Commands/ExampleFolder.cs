namespace Lora.Commands.Tests.Commands;

/// <summary>The repository's example model and data, with a folder to write to.</summary>
public sealed class ExampleFolder : IDisposable
{
    public static string Model { get; } = Path.Combine(Repository.Root, "examples", "model");

    public static string Train { get; } = Path.Combine(Repository.Root, "examples", "data", "animal-notes.train.jsonl");

    public static string Validation { get; } = Path.Combine(Repository.Root, "examples", "data", "animal-notes.validation.jsonl");

    public string Output { get; } = Directory.CreateTempSubdirectory("lora output ").FullName;

    /// <summary>Gives a shell the variables $model, $train, $validation and $output.</summary>
    public HostedShell Share(HostedShell shell) =>
        shell.With("model", Model).With("train", Train).With("validation", Validation).With("output", Output);

    /// <summary>Gives a test what another's folder has: adapters that a class trains once.</summary>
    public void Fill(ExampleFolder trained)
    {
        foreach (string file in Directory.GetFiles(trained.Output, "*", SearchOption.AllDirectories))
        {
            string copy = File(Path.GetRelativePath(trained.Output, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            System.IO.File.Copy(file, copy);
        }
    }

    public string File(string name) => Path.Combine(Output, name);

    public string Write(string name, string content)
    {
        System.IO.File.WriteAllText(File(name), content);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Output, recursive: true);
}
