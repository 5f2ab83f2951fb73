namespace Lora.Text.Jinja;

/// <summary>Why a template cannot be read or goes no further; becomes a <see cref="LoraException"/> that names the template.</summary>
internal sealed class JinjaFailure(string reason, int line = 0, bool isExhausted = false) : Exception(reason)
{
    /// <summary>Whether the template took all the work that it may: it would do so again, and at once.</summary>
    public bool IsExhausted => isExhausted;

    /// <summary>The line of the template, from 1; 0 where it is not known yet.</summary>
    public int Line => line;
}
