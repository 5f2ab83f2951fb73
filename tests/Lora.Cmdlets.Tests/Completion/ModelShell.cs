using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.Completion;

/// <summary>A shell that stands in a folder with a model, <c>./tiny</c>, and with files that the shell would offer where a completer gave it the chance.</summary>
public sealed class ModelShell : IDisposable
{
    private readonly ModelFolder models = new();
    private readonly HostedShell shell = new();

    public ModelShell()
    {
        Model = models.Add("tiny");
        models.AddMixture("mixture");
        Directory.CreateDirectory(Path.Combine(models.Path, "broken"));
        File.WriteAllText(Path.Combine(models.Path, "broken", "config.json"), "no JSON");
        File.WriteAllText(Path.Combine(models.Path, "broken", "model.safetensors"), "no header");
        File.WriteAllText(Path.Combine(models.Path, "q_file.txt"), "");
        shell.With("folder", models.Path).Run("$ExecutionContext.SessionState.Path.SetLocation($folder); function Get-Folder { $global:ran = $true; './tiny' }").Succeeded();
    }

    /// <summary>The full path of the model.</summary>
    public string Model { get; }

    /// <summary>Gives the session a variable.</summary>
    public void Set(string name, object value) => shell.With(name, value);

    /// <summary>Runs a script, then gives what the completion of a line offers at its end, joined by bars.</summary>
    public string Offer(string line, string script = "")
    {
        shell.Run(script).Succeeded();
        return string.Join(" | ", shell.Complete(line));
    }

    /// <summary>Runs a script.</summary>
    public ShellResult Run(string script) => shell.Run(script).Succeeded();

    public void Dispose()
    {
        shell.Dispose();
        models.Dispose();
    }
}
