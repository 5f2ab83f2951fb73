using System.Management.Automation.Host;

namespace Lora.Commands;

/// <summary>
/// Takes Ctrl+C at the terminal as a key while a model answers, so that it ends the answer: as a signal it would stop the pipeline. Other keys that are pressed
/// meanwhile are lost.
/// </summary>
internal sealed class ConsoleBreak : IDisposable
{
    private const string ConsoleHost = "ConsoleHost";
    private const char Break = '\u0003';

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly Action pressed;
    private readonly ManualResetEventSlim ended = new();
    private readonly Thread watch;
    private readonly bool before;

    private ConsoleBreak(Action pressed)
    {
        this.pressed = pressed;
        before = Console.TreatControlCAsInput;
        Console.TreatControlCAsInput = true;
        watch = new(Watch) { IsBackground = true, Name = "Lora break" };
        watch.Start();
    }

    /// <summary>Watches the keys of a console; null where there is none, as in another host or with input from a file.</summary>
    /// <param name="host">The host.</param>
    /// <param name="pressed">Called on another thread.</param>
    public static ConsoleBreak? Of(PSHost host, Action pressed) => host.Name == ConsoleHost && !Console.IsInputRedirected ? new(pressed) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        ended.Set();
        watch.Join();
        ended.Dispose();
        Console.TreatControlCAsInput = before;
    }

    private void Watch()
    {
        while (!ended.Wait(Interval))
        {
            while (Console.KeyAvailable)
            {
                ConsoleKeyInfo key = Console.ReadKey(intercept: true);
                if (key.KeyChar == Break || (key.Key == ConsoleKey.C && key.Modifiers.HasFlag(ConsoleModifiers.Control)))
                {
                    pressed();
                }
            }
        }
    }
}
