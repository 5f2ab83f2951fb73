using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet whose work takes long: it runs on a thread of its own, so that Ctrl+C and the progress bar stay alive.</summary>
public abstract class AsyncLoraCmdlet : LoraCmdlet, IDisposable
{
    private readonly Lock gate = new();
    private PipelineWorker? worker;
    private bool stopped;

    /// <summary>Ends what is left of the work; a second call does nothing.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs the work on another thread and writes what it says, until it ends or the pipeline is stopped.</summary>
    /// <param name="activity">What it does, as the progress bar names it.</param>
    /// <param name="work">The work. It reports through the worker and ends soon after the token is cancelled.</param>
    private protected void RunOnWorker(string activity, Action<PipelineWorker, CancellationToken> work)
    {
        using PipelineWorker current = new(activity, work);
        lock (gate)
        {
            worker = current;
            // Ctrl+C may come before there is a worker to cancel.
            if (stopped)
            {
                current.Cancel();
            }
        }

        try
        {
            current.Run(Write);
            if (current.IsCut)
            {
                SayLast(current.LastWord);
            }
        }
        catch (OperationCanceledException) when (current.IsCut)
        {
            SayLast(current.LastWord);
            throw new PipelineStoppedException();
        }
        catch (Exception exception) when (exception is not LoraException)
        {
            SayLast(current.LastWord); // the pipeline was stopped, or has enough
            throw;
        }
        finally
        {
            lock (gate)
            {
                worker = null;
            }
        }
    }

    /// <inheritdoc/>
    // Called on another thread, while the work goes on: it may cancel and nothing more.
    protected override void StopProcessing()
    {
        lock (gate)
        {
            stopped = true;
            worker?.Cancel();
        }
    }

    /// <summary>Ends what is left of the work.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            StopProcessing();
        }
    }

    // A pipeline that is stopped takes no warning any more, but its host does; in a job there is no host to tell.
    private void SayLast(string? word)
    {
        if (word is null || !ShowsWarnings())
        {
            return;
        }

        try
        {
            Host.UI.WriteWarningLine(word);
        }
        catch (Exception exception) when (HostFailure.IsOf(exception))
        {
            // A terminal that is gone, or a host without one: nobody is there to read it, and the adapter is where it would say.
        }
    }

    private bool ShowsWarnings()
    {
        // A line that is written to the host passes by the streams, and with them by what the user wants of warnings.
        object? preference = MyInvocation.BoundParameters.TryGetValue("WarningAction", out object? given)
            ? given : SessionState.PSVariable.GetValue("WarningPreference");
        return LanguagePrimitives.TryConvertTo(preference, out ActionPreference chosen) && chosen is not (ActionPreference.SilentlyContinue or ActionPreference.Ignore);
    }

    private void Write(PipelineRecord record)
    {
        switch (record)
        {
            case PipelineRecord.Output output:
                WriteObject(output.Value);
                break;
            case PipelineRecord.Failure { Result: object result } failure:
                WriteError(ErrorRecords.Of(failure.Exception, result));
                break;
            case PipelineRecord.Failure failure:
                WriteError(failure.Exception);
                break;
            case PipelineRecord.Warning warning:
                WriteWarning(warning.Text);
                break;
            case PipelineRecord.Verbose verbose:
                WriteVerbose(verbose.Text);
                break;
            case PipelineRecord.Said said:
                Host.UI.Write(said.Text);
                break;
            case PipelineRecord.Progress progress:
                WriteProgress(progress.Value);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(record), record, "A worker said something that has no stream.");
        }
    }
}
