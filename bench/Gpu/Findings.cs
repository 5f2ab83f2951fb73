using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// The checks of one process: those behind the ones that were done before it, each by its name, while there is time. What is found is told at once, a line each.
/// </summary>
/// <param name="device">Where they are run.</param>
/// <param name="done">Checks that were done before.</param>
/// <param name="time">How long the others may take.</param>
/// <param name="output">Where findings are told.</param>
internal sealed class Findings(Device device, int done, TimeSpan time, TextWriter output)
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private string part = "";
    private int number;
    private bool isUsed;

    /// <summary>The time that is left.</summary>
    public TimeSpan Left => time - clock.Elapsed;

    /// <summary>Whether there is a card.</summary>
    public bool IsCard => device.type == DeviceType.CUDA;

    /// <summary>A part, whose exception outside of its checks is a finding too, so that the parts behind it are still run.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="run">Runs its checks.</param>
    public void Begin(string name, Action run)
    {
        part = name;
        try
        {
            run();
        }
        catch (Exception exception) when (exception is not AnotherProcessException)
        {
            // One that came before what is done has been told.
            if (number >= done)
            {
                Add("all of it", Outcome.Missed, note: Reason(exception));
            }
        }
    }

    /// <summary>A check by its name, whose exception is a finding too, so that those behind it are still run.</summary>
    /// <param name="what">Its name.</param>
    /// <param name="run">Tells what it finds.</param>
    /// <param name="isAlone">Whether it has a card for itself, as a process gives it that has done nothing there.</param>
    /// <exception cref="AnotherProcessException">The checks from here on need another process.</exception>
    public void Try(string what, Action run, bool isAlone = false)
    {
        number++;
        if (number <= done)
        {
            return;
        }

        // torch keeps what it has taken of a card's memory, and a process what its kernels brought.
        bool isLate = Left <= TimeSpan.Zero;
        if (isAlone && isUsed && IsCard && !isLate)
        {
            throw new AnotherProcessException();
        }

        isUsed = true;
        Add(what, Outcome.Begun);
        if (isLate)
        {
            Leave(what, "no time was left");
            Add(what, Outcome.Ended);
            return;
        }

        bool hasFailed = false;
        try
        {
            run();
        }
        catch (Exception exception)
        {
            hasFailed = true;
            Add(what, Outcome.Missed, note: Reason(exception));
        }

        Add(what, Outcome.Ended);
        if (hasFailed && IsCard && !IsUsable())
        {
            throw new AnotherProcessException();
        }
    }

    /// <summary>A figure that may be so large at the most; NaN is too large.</summary>
    public void Check(string what, double found, double limit) => Add(what, found <= limit ? Outcome.Held : Outcome.Missed, found, limit);

    /// <summary>Something that has to be so.</summary>
    public void Check(string what, bool isSo, string otherwise) => Add(what, isSo ? Outcome.Held : Outcome.Missed, note: isSo ? "" : otherwise);

    /// <summary>A figure without a limit.</summary>
    public void Figure(string what, double found, string unit) => Add(what, Outcome.Measured, found, note: unit);

    /// <summary>A fact.</summary>
    public void Tell(string what, string fact) => Add(what, Outcome.Told, note: fact);

    /// <summary>What was not run, and why.</summary>
    public void Leave(string what, string reason) => Add(what, Outcome.Left, note: reason);

    /// <summary>Whether the card still computes: after some failures of a kernel nothing does in that process.</summary>
    private bool IsUsable()
    {
        try
        {
            using Tensor there = ones([1], device: device);
            using Tensor here = there.cpu();
            return here.ToSingle() == 1;
        }
        catch (ExternalException)
        {
            return false;
        }
    }

    private static string Reason(Exception exception) => $"{exception.GetType().Name}: {exception.Message.Split('\n')[0].Trim()}";

    // A line of its own, whatever libtorch has begun to write.
    private void Add(string what, Outcome outcome, double? found = null, double? limit = null, string note = "") =>
        output.Write($"\n{new Finding(part, what, found, limit, note, outcome).ToLine()}\n");
}

/// <summary>The checks from here on need another process.</summary>
internal sealed class AnotherProcessException : Exception;
