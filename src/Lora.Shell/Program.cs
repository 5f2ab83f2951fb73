using Lora.Shell;

if (ShellArguments.Parse(args) is not { } arguments)
{
    Console.Error.WriteLine(ShellArguments.Usage);
    return 2;
}

return ScriptRunner.Run(arguments);
