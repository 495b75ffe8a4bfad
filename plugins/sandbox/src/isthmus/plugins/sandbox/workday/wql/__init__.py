"""What can be asked in Workday's query language, and what comes back?"""
