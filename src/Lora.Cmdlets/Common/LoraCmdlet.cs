using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet whose failures are those of the engine: each becomes an error record with a stable id.</summary>
public abstract class LoraCmdlet : PSCmdlet
{
    /// <summary>Called once, before the first input.</summary>
    protected virtual void BeginWork()
    {
    }

    /// <summary>Called for each input.</summary>
    protected virtual void ProcessInput()
    {
    }

    /// <summary>Called once, after the last input.</summary>
    protected virtual void EndWork()
    {
    }

    /// <inheritdoc/>
    protected sealed override void BeginProcessing() => Guard(BeginWork);

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Guard(ProcessInput);

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Guard(EndWork);

    /// <summary>Reports a failure of one input; the cmdlet goes on with the next.</summary>
    protected internal virtual void WriteError(LoraException exception) => WriteError(ErrorRecords.Of(exception));

    /// <summary>Shows a warning; names in it may come from files and must not steer the terminal.</summary>
    protected internal new void WriteWarning(string text) => base.WriteWarning(Printable.Of(text));

    /// <summary>What reading one input gives; null when it fails, which is reported, so that the next input follows.</summary>
    internal T? Reported<T>(Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (LoraException exception)
        {
            WriteError(exception);
            return null;
        }
    }

    private void Guard(Action step)
    {
        try
        {
            step();
        }
        catch (LoraException exception)
        {
            ThrowTerminatingError(ErrorRecords.Of(exception));
        }
        catch (FileNotFoundException exception) when (IsAssembly(exception.FileName))
        {
            ThrowTerminatingError(ErrorRecords.Of(
                LoraException.From(exception, LoraError.ModuleFileMissing, exception.FileName, exception.Message)));
        }
        catch (Exception exception) when (!IsOfTheShell(exception))
        {
            // The last net: a fault of ours still has a name, and the fuzzers fail on meeting it.
            ThrowTerminatingError(ErrorRecords.Of(
                LoraException.From(exception, LoraError.Unexpected, null, MyInvocation.MyCommand.Name, exception.GetType().Name, exception.Message)));
        }
    }

    // A stopped pipeline, a break, an exit, or what a command further down the pipeline threw: not ours to name.
    private static bool IsOfTheShell(Exception exception) => exception.GetType().Assembly == typeof(PSCmdlet).Assembly || exception is OperationCanceledException;

    // The loader names an assembly, not a path: "TorchSharp, Version=...".
    private static bool IsAssembly(string? name) => name is not null && name.Contains(", Culture=", StringComparison.Ordinal);
}
